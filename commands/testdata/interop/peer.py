"""A client made of Eclipse Paho (1.6 and 2.x), for the interoperability tests.

    peer.py sub HOST PORT VERSION FILTER    prints READY, then MSG TOPIC QOS RETAIN PAYLOAD
    peer.py pub HOST PORT VERSION TOPIC     publishes "hello QOS" to TOPIC/QOS at QoS 0, 1 and 2

VERSION is 3.1, 3.1.1 or 5.0. sub runs until it is terminated, which it
answers with DISCONNECT. MQTK_TEST_SCHEME is mqtt, mqtts, ws or wss; MQTK_TEST_CA, _CERT and _KEY are files for TLS.
"""

import os
import signal
import sys

import paho.mqtt.client as mqtt

mode, host, port, version, topic = sys.argv[1:6]
protocol = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5.0": mqtt.MQTTv5}[version]
client_id = "paho-%s-%s" % (mode, version.replace(".", ""))
scheme = os.environ.get("MQTK_TEST_SCHEME", "mqtt")
transport = "websockets" if scheme in ("ws", "wss") else "tcp"
if hasattr(mqtt, "CallbackAPIVersion"):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION1, client_id, protocol=protocol, transport=transport)
else:
    client = mqtt.Client(client_id, protocol=protocol, transport=transport)
if scheme in ("mqtts", "wss"):
    client.tls_set(*[os.environ.get("MQTK_TEST_" + name) or None for name in ("CA", "CERT", "KEY")])


def say(*words):
    print(*words, flush=True)


def on_connect(client, userdata, flags, code, properties=None):
    if code != 0:
        say("REFUSED", code)
        sys.exit(1)
    if mode == "sub":
        client.subscribe(topic, 2)
    else:
        for qos in (0, 1, 2):
            client.publish("%s/%d" % (topic, qos), "hello %d" % qos, qos)


def on_message(client, userdata, m):
    say("MSG", m.topic, m.qos, int(m.retain), m.payload.decode())


published = set()


def on_publish(client, userdata, mid, *rest):
    published.add(mid)
    if len(published) == 3:
        client.disconnect()


client.on_connect = on_connect
client.on_message = on_message
client.on_publish = on_publish
client.on_subscribe = lambda client, userdata, mid, granted, *rest: say("READY")
signal.signal(signal.SIGTERM, lambda number, frame: client.disconnect())
client.connect(host, int(port), 30)
client.loop_forever()
say("DONE")
