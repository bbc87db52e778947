/** The few lines that each SDK needs. */
export interface Snippet {
  name: string;
  text(writeKey: string, host: string): string;
}

export const SNIPPETS: readonly Snippet[] = [
  {
    name: 'Web',
    text: (key, host) => `<script>
  !(function () {
    var analytics = (window.analytics = window.analytics || []);
    if (analytics.initialize || analytics.invoked) return;
    analytics.invoked = true;
    analytics.methods = [
      'track', 'page', 'identify', 'group', 'alias', 'screen', 'ready', 'reset', 'on', 'once'
    ];
    analytics.factory = function (name) {
      return function () {
        analytics.push([name].concat([].slice.call(arguments)));
        return analytics;
      };
    };
    analytics.methods.forEach(function (name) {
      analytics[name] = analytics.factory(name);
    });
    analytics._writeKey = '${key}';
    analytics._cdn = '${host}';
    analytics._loadOptions = {
      integrations: {
        'Segment.io': { apiHost: '${hostOf(host)}/v1', protocol: '${protocolOf(host)}' }
      }
    };
    analytics.SNIPPET_VERSION = '5.2.0';
    var script = document.createElement('script');
    script.async = true;
    script.setAttribute('data-global-segment-analytics-key', 'analytics');
    script.src = '${host}/analytics.js/v1/${key}/analytics.min.js';
    document.head.appendChild(script);
    analytics.page();
  })();
</script>`,
  },
  {
    name: 'Browser package',
    text: (key, host) => `import { AnalyticsBrowser } from '@segment/analytics-next';

const analytics = AnalyticsBrowser.load(
  { writeKey: '${key}', cdnURL: '${host}' },
  {
    integrations: {
      'Segment.io': { apiHost: '${hostOf(host)}/v1', protocol: '${protocolOf(host)}' }
    }
  },
);
analytics.track('Signed Up', { plan: 'Pro' });`,
  },
  {
    name: 'Node',
    text: (key, host) => `import { Analytics } from '@segment/analytics-node';

const analytics = new Analytics({ writeKey: '${key}', host: '${host}' });
analytics.track({ userId: 'u1', event: 'Signed Up', properties: { plan: 'Pro' } });
await analytics.closeAndFlush();`,
  },
  {
    name: 'Python',
    text: (key, host) => `import segment.analytics as analytics

analytics.write_key = '${key}'
analytics.host = '${host}'
analytics.track('u1', 'Signed Up', {'plan': 'Pro'})
analytics.flush()`,
  },
  {
    name: 'Go',
    text: (key, host) => `client, err := analytics.NewWithConfig("${key}", analytics.Config{
	Endpoint: "${host}",
})
if err != nil {
	log.Fatal(err)
}
defer client.Close()
client.Enqueue(analytics.Track{
	UserId:     "u1",
	Event:      "Signed Up",
	Properties: analytics.NewProperties().Set("plan", "Pro"),
})`,
  },
  {
    name: 'Java',
    text: (key, host) => `Analytics analytics = Analytics.builder("${key}")
    .endpoint("${host}")
    .build();
analytics.enqueue(TrackMessage.builder("Signed Up")
    .userId("u1")
    .properties(Map.of("plan", "Pro")));
analytics.flush();`,
  },
  {
    name: 'Swift',
    text: (key, host) => `Telemetry.shared.enable = false // it reports to Segment
let configuration = Configuration(writeKey: "${key}")
    .apiHost("${hostOf(host)}/v1")
    .cdnHost("${hostOf(host)}/v1")
    .defaultSettings(Settings(writeKey: "${key}", apiHost: "${hostOf(host)}/v1"))
let analytics = Analytics(configuration: configuration)
analytics.track(name: "Signed Up", properties: ["plan": "Pro"])`,
  },
  {
    name: 'Kotlin',
    text: (key, host) => `Telemetry.enable = false // it reports to Segment
val analytics = Analytics("${key}", applicationContext) {
    apiHost = "${hostOf(host)}/v1"
    cdnHost = "${hostOf(host)}/v1"
    // Without this they go to Segment's host when settings cannot be fetched.
    defaultSettings = Settings(integrations = buildJsonObject {
        putJsonObject("Segment.io") {
            put("apiKey", "${key}")
            put("apiHost", "${hostOf(host)}/v1")
        }
    })
}
analytics.track("Signed Up", buildJsonObject { put("plan", "Pro") })`,
  },
  {
    name: 'curl',
    text: (key, host) => `curl ${host}/v1/track -u ${key}: \\
  -H 'Content-Type: application/json' \\
  -d '{"userId":"u1","event":"Signed Up","properties":{"plan":"Pro"}}'`,
  },
];

function hostOf(url: string): string {
  return new URL(url).host;
}

function protocolOf(url: string): string {
  return new URL(url).protocol.replace(':', '');
}
