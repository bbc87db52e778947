"""Sends one event with segment-analytics-python and OAuth: host, write key, client, key file."""
import sys

import segment.analytics as analytics

host, write_key, client_id, key_file = sys.argv[1:5]
analytics.host = host
analytics.write_key = write_key
analytics.max_retries = 1
analytics.oauth_client_id = client_id
analytics.oauth_client_key = open(key_file).read()
analytics.oauth_key_id = "k1"
analytics.oauth_auth_server = host
analytics.on_error = lambda error, items: print("reason:", error)
analytics.track("u1", "With Token")
analytics.shutdown()
print("end")
