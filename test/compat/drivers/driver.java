import com.google.gson.JsonParser;
import com.segment.analytics.Analytics;
import com.segment.analytics.Callback;
import com.segment.analytics.messages.AliasMessage;
import com.segment.analytics.messages.GroupMessage;
import com.segment.analytics.messages.IdentifyMessage;
import com.segment.analytics.messages.Message;
import com.segment.analytics.messages.PageMessage;
import com.segment.analytics.messages.ScreenMessage;
import com.segment.analytics.messages.TrackMessage;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Drives analytics-java: host, write key, scenario, count. */
class Driver {
  public static void main(String[] args) throws Exception {
    int count = Integer.parseInt(args[3]);
    boolean isNumbered = args[2].equals("many") || args[2].equals("paced");
    int expected = isNumbered ? count : args[2].equals("six") ? 6 : 1;
    if (args[2].equals("refused")) expected = 2;
    // Its shutdown drops what is being retried, so every outcome is waited for first; it waits up
    // to 15 seconds before its first retry.
    CountDownLatch outcomes = new CountDownLatch(expected);
    Analytics analytics =
        Analytics.builder(args[1])
            .endpoint(args[0])
            .flushQueueSize(20)
            .flushInterval(1, TimeUnit.SECONDS)
            .retries(8)
            .callback(
                new Callback() {
                  @Override
                  public void success(Message message) {
                    outcomes.countDown();
                  }

                  @Override
                  public void failure(Message message, Throwable cause) {
                    outcomes.countDown();
                  }
                })
            .build();
    if (args[2].equals("six")) {
      analytics.enqueue(
          IdentifyMessage.builder().userId("u1").traits(Collections.singletonMap("plan", "pro")));
      analytics.enqueue(
          TrackMessage.builder("Order Completed")
              .userId("u1")
              .properties(Collections.singletonMap("total", 9.5)));
      analytics.enqueue(
          PageMessage.builder("Home")
              .userId("u1")
              .properties(Collections.singletonMap("path", "/")));
      analytics.enqueue(ScreenMessage.builder("Start").userId("u1"));
      analytics.enqueue(
          GroupMessage.builder("g1").userId("u1").traits(Collections.singletonMap("name", "Acme")));
      analytics.enqueue(AliasMessage.builder("a1").userId("u1"));
    } else if (args[2].equals("values")) {
      // The SDK's own JSON library, whose numbers keep their text.
      Map<String, Object> properties = new LinkedHashMap<>();
      JsonParser.parseString(System.getenv("MILLRACE_COMPAT_PROPERTIES"))
          .getAsJsonObject()
          .entrySet()
          .forEach(entry -> properties.put(entry.getKey(), entry.getValue()));
      analytics.enqueue(TrackMessage.builder("Values").userId("42").properties(properties));
    } else if (isNumbered) {
      for (int n = 0; n < count; n++) {
        if (args[2].equals("paced")) Thread.sleep(10);
        analytics.enqueue(
            TrackMessage.builder("Numbered")
                .userId("u1")
                .properties(Collections.singletonMap("n", n)));
      }
    } else {
      analytics.enqueue(
          TrackMessage.builder("Large")
              .userId("u1")
              .properties(
                  Collections.singletonMap(
                      "text", new String(new char[4000]).replace('\0', 'x'))));
      analytics.flush();
      Thread.sleep(1000);
      analytics.enqueue(TrackMessage.builder("Small").userId("u1"));
    }
    analytics.flush();
    outcomes.await(120, TimeUnit.SECONDS);
    analytics.shutdown();
    // Its HTTP client keeps threads that would hold the program for a minute.
    System.exit(0);
  }
}
