import com.segment.analytics.kotlin.core.Analytics
import java.io.File
import kotlin.system.exitProcess
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.jsonObject

private const val FLUSH_MS = 500L
private const val READY_MS = 20_000L
private const val END_MS = 150_000L
/** What was tracked is not a file at once. */
private const val QUIET_ROUNDS = 12

/** Drives analytics-kotlin: host, write key, scenario, count. It speaks https only. */
fun main(args: Array<String>) {
    val (host, key, scenario) = args
    // Where it keeps what it could not send; another run's leftovers would be sent with ours.
    File("/tmp/analytics-kotlin/$key").deleteRecursively()
    val name = host.removePrefix("https://") + "/v1"
    val analytics =
        Analytics(key) {
            application = "driver"
            flushAt = 20
            flushInterval = 1
            apiHost = name
            cdnHost = name
        }
    // Until its settings are there it only queues, and asks Segment's own host when they never come.
    val readyMs = System.currentTimeMillis() + READY_MS
    while (analytics.settings() == null && System.currentTimeMillis() < readyMs) Thread.sleep(100)
    when (scenario) {
        "six" -> {
            analytics.identify("u1", buildJsonObject { put("plan", JsonPrimitive("pro")) })
            analytics.track("Order Completed", buildJsonObject { put("total", JsonPrimitive(9.5)) })
            analytics.screen("Start")
            analytics.group("g1", buildJsonObject { put("name", JsonPrimitive("Acme")) })
            analytics.alias("u1")
        }
        "values" -> {
            val text = System.getenv("MILLRACE_COMPAT_PROPERTIES")
            analytics.identify("42")
            analytics.track("Values", Json.parseToJsonElement(text).jsonObject)
        }
        "refused" -> {
            analytics.identify("u1")
            analytics.track("Large", buildJsonObject { put("text", JsonPrimitive("x".repeat(4000))) })
            untilSent(analytics)
            analytics.track("Small")
        }
        else ->
            for (n in 0 until args[3].toInt()) {
                analytics.track("Numbered", buildJsonObject { put("n", JsonPrimitive(n)) })
                if (scenario == "paced") Thread.sleep(10)
            }
    }
    untilSent(analytics)
    exitProcess(0)
}

/** What was written is a file until it is sent; none for some time means that all is sent. */
private fun untilSent(analytics: Analytics) {
    val endMs = System.currentTimeMillis() + END_MS
    var quiet = 0
    while (quiet < QUIET_ROUNDS && System.currentTimeMillis() < endMs) {
        analytics.flush()
        Thread.sleep(FLUSH_MS)
        quiet = if (analytics.pendingUploads().isEmpty()) quiet + 1 else 0
    }
}
