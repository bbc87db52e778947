"""Drives segment-analytics-python: <host> <write key> <scenario> <count>."""
import json
import os
import sys
import time

import segment.analytics as analytics

host, write_key, scenario, count = sys.argv[1:5]
analytics.host = host
analytics.write_key = write_key
analytics.gzip = scenario == "many"
analytics.max_retries = 10
if scenario == "paced":
    analytics.upload_size = 20
analytics.on_error = lambda error, items: None

if scenario == "six":
    analytics.identify("u1", {"plan": "pro"})
    analytics.track("u1", "Order Completed", {"total": 9.5})
    analytics.page("u1", None, "Home", {"path": "/"})
    analytics.screen("u1", None, "Start")
    analytics.group("u1", "g1", {"name": "Acme"})
    analytics.alias("a1", "u1")
elif scenario == "values":
    analytics.track(42, "Values", json.loads(os.environ["MILLRACE_COMPAT_PROPERTIES"]))
elif scenario in ("many", "paced"):
    for n in range(int(count)):
        analytics.track("u1", "Numbered", {"n": n})
        if scenario == "paced":
            time.sleep(0.01)
else:
    analytics.track("u1", "Large", {"text": "x" * 4000})
    analytics.flush()
    analytics.track("u1", "Small")
analytics.shutdown()
