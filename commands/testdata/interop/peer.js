// A client made of MQTT.js, for the interoperability tests.
//
//   node peer.js sub HOST PORT VERSION FILTER    prints READY, then MSG TOPIC QOS RETAIN PAYLOAD
//   node peer.js pub HOST PORT VERSION TOPIC     publishes "hello QOS" to TOPIC/QOS at QoS 0, 1 and 2
//
// VERSION is 3.1, 3.1.1 or 5.0. sub runs until it is terminated, which it answers
// with DISCONNECT. MQTK_TEST_MQTTJS is the folder of the module;
// MQTK_TEST_SCHEME is mqtt, mqtts, ws or wss; MQTK_TEST_CA, _CERT and _KEY are files
// for TLS.
const fs = require('node:fs')
const mqtt = require(process.env.MQTK_TEST_MQTTJS)
const [mode, host, port, version, topic] = process.argv.slice(2)

const file = (name) => (process.env[name] ? fs.readFileSync(process.env[name]) : undefined)
const client = mqtt.connect({
  host,
  port: Number(port),
  protocol: process.env.MQTK_TEST_SCHEME || 'mqtt',
  path: '/mqtt',
  ca: file('MQTK_TEST_CA'),
  cert: file('MQTK_TEST_CERT'),
  key: file('MQTK_TEST_KEY'),
  protocolVersion: { '3.1': 3, '3.1.1': 4, '5.0': 5 }[version],
  protocolId: version === '3.1' ? 'MQIsdp' : 'MQTT',
  clientId: `mqttjs-${mode}-${version.replaceAll('.', '')}`,
  reconnectPeriod: 0,
})

client.on('error', (err) => {
  console.error(err)
  process.exit(1)
})

process.on('SIGTERM', () => client.end())

client.on('message', (name, payload, packet) => {
  console.log('MSG', name, packet.qos, packet.retain ? 1 : 0, payload.toString())
})

client.on('connect', async () => {
  if (mode === 'sub') {
    await client.subscribeAsync(topic, { qos: 2 })
    console.log('READY')
    return
  }
  for (const qos of [0, 1, 2]) {
    await client.publishAsync(`${topic}/${qos}`, `hello ${qos}`, { qos })
  }
  await client.endAsync()
  console.log('DONE')
})
