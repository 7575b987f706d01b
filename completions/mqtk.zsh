#compdef mqtk
# zsh completion for mqtk, rendered from its declarations: do not edit

_mqtk_serve_acl_explain() {
    _arguments -s -S \
        '(--user)--user=[of the user NAME]:NAME: ' \
        '(--client)--client=[of the client with the id ID]:ID: ' \
        '(--address)--address=[from the address IP]:IP: ' \
        '(--action)--action=[may it publish, or subscribe\: ACTION]:ACTION:(publish subscribe)' \
        '(--acl)--acl=[those of FILE, in the format of mosquitto'\''s acl_file; wins over what a configuration names]:FILE:_files' \
        '(-c --config)-c+[those that the configuration FILE names\: a file or a table, with its no_match]:FILE:_files' \
        '(-c --config)--config=[those that the configuration FILE names\: a file or a table, with its no_match]:FILE:_files' \
        '(--json)--json[print a JSON object for each line]' \
        '(--help)--help[show help]' \
        '*:topic: '
}

_mqtk_serve_acl_lint() {
    _arguments -s -S \
        '(--acl)--acl=[those of FILE, in the format of mosquitto'\''s acl_file; wins over what a configuration names]:FILE:_files' \
        '(-c --config)-c+[those that the configuration FILE names\: a file or a table, with its no_match]:FILE:_files' \
        '(-c --config)--config=[those that the configuration FILE names\: a file or a table, with its no_match]:FILE:_files' \
        '(--json)--json[print a JSON object for each line]' \
        '(--help)--help[show help]' \
        '*:topic: '
}

_mqtk_serve_acl() {
    local sub=$words[2]
    if (( CURRENT > 2 && $+functions[_mqtk_serve_acl_$sub] )); then
        shift words
        (( CURRENT-- ))
        _mqtk_serve_acl_$sub
        return
    fi
    _arguments -s -S \
        '(--help)--help[show help]' \
        '*: :(explain lint)'
}

_mqtk_serve_passwd() {
    _arguments -s -S \
        '(-D --delete)-D[take USER out of the file]' \
        '(-D --delete)--delete[take USER out of the file]' \
        '(-b --batch)-b[take the password from the command line, behind USER, where everyone who can list processes sees it]' \
        '(-b --batch)--batch[take the password from the command line, behind USER, where everyone who can list processes sees it]' \
        '(-c --create)-c[make a new file; one that is there is an error]' \
        '(-c --create)--create[make a new file; one that is there is an error]' \
        '(-U --update)-U[hash the passwords of a file whose lines are USER\:PASSWORD]' \
        '(-U --update)--update[hash the passwords of a file whose lines are USER\:PASSWORD]' \
        '(-I --iterations)-I+[hash NUMBER times\: more makes guessing dearer for who steals the file, and each login for the broker; clients of SCRAM want 4096 or more (default 4096)]:NUMBER: ' \
        '(-I --iterations)--iterations=[hash NUMBER times\: more makes guessing dearer for who steals the file, and each login for the broker; clients of SCRAM want 4096 or more (default 4096)]:NUMBER: ' \
        '(--help)--help[show help]' \
        '*:path:_files'
}

_mqtk_serve_import() {
    _arguments -s -S \
        '(-o --output)-o+[write to FILE, made with mode 0600, in place of stdout]:FILE:_files' \
        '(-o --output)--output=[write to FILE, made with mode 0600, in place of stdout]:FILE:_files' \
        '(--help)--help[show help]' \
        '*:path:_files'
}

_mqtk_serve() {
    local sub=$words[2]
    if (( CURRENT > 2 && $+functions[_mqtk_serve_$sub] )); then
        shift words
        (( CURRENT-- ))
        _mqtk_serve_$sub
        return
    fi
    _arguments -s -S \
        '(-c --config)-c+[read the configuration from FILE; what flags say wins, and listeners of flags replace those of the file]:FILE:_files' \
        '(-c --config)--config=[read the configuration from FILE; what flags say wins, and listeners of flags replace those of the file]:FILE:_files' \
        '*--set=[give a key of the configuration a value, as KEY=VALUE; LIMITS and CONFIGURATION in the man page list the keys (repeatable)]:KEY=VALUE:(data= durability= commit_delay= driver= log_level= log_format= drain= allow_anonymous= auth.file.passwords= auth.sql.driver= auth.sql.dsn= auth.sql.user_table= auth.sql.acl_table= auth.sql.hash= auth.sql.salt= auth.sql.digest= auth.sql.iterations= auth.sql.columns.username= auth.sql.columns.password= auth.sql.columns.salt= auth.sql.columns.is_superuser= auth.sql.columns.id= auth.sql.columns.allow= auth.sql.columns.ipaddr= auth.sql.columns.acl_username= auth.sql.columns.clientid= auth.sql.columns.access= auth.sql.columns.topic= auth.jwt.key= auth.jwt.jwks= auth.jwt.algorithms= auth.jwt.issuer= auth.jwt.audience= auth.jwt.username_claim= auth.sasl.mechanisms= auth.sasl.plain_without_tls= acl.file= acl.sql= acl.no_match= acl.deny_action= acl.on_error= acl.refresh= bans.users= bans.clients= bans.addresses= max_inflight= max_inflight_bytes= receive_maximum= max_queued_messages= max_queued_bytes= max_queued_disk_bytes= queue_full= queue_qos0= slow_receiver= max_outbox_bytes= max_packet_size= max_connect_packet_size= connect_timeout= handshake_timeout= max_keep_alive= max_session_expiry= session_expiry_3x= topic_alias_in= topic_alias_out= max_topic_levels= max_topic_length= max_client_id= max_filters= max_user_properties= max_subscriptions= max_connections= max_connections_per_user= max_connections_per_address= max_retained= max_retained_bytes= memory_limit= sys_interval= max_qos= retain_available= wildcard_available= shared_available= subscription_identifiers_available= allow_zero_length_clientid= auto_id_prefix= upgrade_outgoing_qos= strict_3_1= server_reference= response_information= check_payload_format= check_retain_source= max_message_rate= max_byte_rate= rate_exceeded= max_connection_rate= max_auth_failures=)' \
        '(--check)--check[look for all that is wrong with the configuration and the files that it names, say it and end, with 0 or 2]' \
        '(--print-config)--print-config[print each value that would hold, with where it comes from, and end]' \
        '*--listen=[listen on URL\: mqtt, mqtts, ws or wss\://HOST\:PORT, or unix\:///PATH; port 0 takes a free one; keys of a listener stand behind a question mark (repeatable)]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-p --port)-p+[listen on PORT of the loopback interface (default 1883)]:PORT: ' \
        '(-p --port)--port=[listen on PORT of the loopback interface (default 1883)]:PORT: ' \
        '(--passwords)--passwords=[let users in with the passwords of FILE, in mosquitto'\''s format; mqtk serve passwd writes it]:FILE:_files' \
        '(--acl)--acl=[let users do what the rules of FILE allow, in the format of mosquitto'\''s acl_file]:FILE:_files' \
        '(--allow-anonymous)--allow-anonymous[let clients of other machines in without credentials]' \
        '(--data)--data=[keep sessions, queues, retained messages and wills in DIR, so that they survive a restart, kill -9 and power loss; made if it is not there, in a directory that is]:DIR:_files -/' \
        '(--durability)--durability=[acknowledge when it is on the disk (fsync), with the system (os) or at once and written within a second (none)\: MODE (default fsync)]:MODE:(fsync os none)' \
        '(--commit-delay)--commit-delay=[wait up to DURATION for more to share a commit\: fewer writes for an SD card, later acknowledgements (default 0)]:DURATION: ' \
        '(--memory-limit)--memory-limit=[keep the process within SIZE of memory (default half of what the machine or the control group has)]:SIZE: ' \
        '(--driver)--driver=[drive connections by KIND\: auto, eventloop (Linux, plain TCP and Unix sockets) or goroutine (default auto)]:KIND:(auto eventloop goroutine)' \
        '(--for)--for=[end after DURATION, with 0, also where the command after -- had to be ended]:DURATION: ' \
        '(--drain)--drain=[give clients DURATION to take what is pending at the end (default 10s)]:DURATION: ' \
        '(--ready-file)--ready-file=[once ready, write the listeners as a JSON line to FILE, which is removed at the end]:FILE:_files' \
        '(--ready-fd)--ready-fd=[once ready, write the same line to the open descriptor NUMBER]:NUMBER: ' \
        '(--log-level)--log-level=[log from LEVEL on\: debug, info, warn or error (default info)]:LEVEL:(debug info warn error)' \
        '(--log-format)--log-format=[write the log as FORMAT\: text or json (default text)]:FORMAT:(text json)' \
        '(-v --verbose)-v[the same as --log-level debug]' \
        '(-v --verbose)--verbose[the same as --log-level debug]' \
        '(--help)--help[show help]' \
        '*: :(acl passwd import)'
}

_mqtk_pub() {
    _arguments -s -S \
        '*-t+[publish to TOPIC (repeatable\: one payload to each)]:TOPIC: ' \
        '*--topic=[publish to TOPIC (repeatable\: one payload to each)]:TOPIC: ' \
        '(-m --message)-m+[publish TEXT]:TEXT: ' \
        '(-m --message)--message=[publish TEXT]:TEXT: ' \
        '(-f --file)-f+[publish the content of FILE]:FILE:_files' \
        '(-f --file)--file=[publish the content of FILE]:FILE:_files' \
        '(-n --null-message)-n[publish an empty message, which clears a retained one]' \
        '(-n --null-message)--null-message[publish an empty message, which clears a retained one]' \
        '(-s --stdin-file)-s[publish all of stdin as one message]' \
        '(-s --stdin-file)--stdin-file[publish all of stdin as one message]' \
        '(-q --qos)-q+[publish at QOS 0, 1 or 2 (default 0; one for all topics, or one for each in order)]:QOS:(0 1 2)' \
        '(-q --qos)--qos=[publish at QOS 0, 1 or 2 (default 0; one for all topics, or one for each in order)]:QOS:(0 1 2)' \
        '(-r --retain)-r[let the broker retain the message]' \
        '(-r --retain)--retain[let the broker retain the message]' \
        '(--require-subscriber)--require-subscriber[fail where nobody has subscribed to the topic; at QoS 1 unless -q says 2 (MQTT 5.0)]' \
        '(-l --stdin-line)-l[publish each line of stdin]' \
        '(-l --stdin-line)--stdin-line[publish each line of stdin]' \
        '(--delim)--delim=[publish each part of stdin, between TEXT and TEXT, such as ; or \r\n]:TEXT: ' \
        '(-0 --delim-nul)-0[publish each part of stdin, between NUL and NUL, as find -print0 writes them]' \
        '(-0 --delim-nul)--delim-nul[publish each part of stdin, between NUL and NUL, as find -print0 writes them]' \
        '(--key-delim)--key-delim=[publish each line of stdin to the topic that it begins with, up to TEXT]:TEXT: ' \
        '(--jsonl)--jsonl[publish the messages on stdin that sub --json has written, with all their properties; -t, -q, -r and properties given here stand in place of theirs]' \
        '*--rewrite=[publish messages of --jsonl, --replay and --key-delim whose topic matches a filter to another topic\: FILTER=TOPIC, as in '\''old/#=new/#'\'' (repeatable\: the first that matches; other topics stay)]:FILTER=TOPIC: ' \
        '(--skip-bad)--skip-bad[leave out lines that cannot be published, and say which; without it the first one ends pub]' \
        '(--rate)--rate=[publish N messages a second, evenly; or 30/m, 100/h]:N: ' \
        '(--repeat)--repeat=[publish the message N times, or inf]:N:(inf)' \
        '(--repeat-delay)--repeat-delay=[publish it again every TIME (default 0\: without a pause)]:TIME: ' \
        '(-M --max-inflight)-M+[have at most N messages unacknowledged (default 256, before 5.0 20)]:N: ' \
        '(-M --max-inflight)--max-inflight=[have at most N messages unacknowledged (default 256, before 5.0 20)]:N: ' \
        '(--replay)--replay=[publish the messages of FILE, which sub --record or --json has written, at the times of day between them]:FILE:_files' \
        '(--speed)--speed=[replay FACTOR times as fast, or max]:FACTOR:(max)' \
        '(--from)--from=[begin with the messages of TIME\: 2026-11-22T08\:30\:00Z, or 90 or 1m30s after the first]:TIME: ' \
        '(--to)--to=[end behind those of TIME, said likewise]:TIME: ' \
        '(--template)--template=[publish TEXT with {{.n}}, {{.line}}, {{.now}}, {{env "X"}} and more filled in\: see TEMPLATES in the man page]:TEXT: ' \
        '(--decode)--decode=[publish the bytes that the text is in FORMAT\: hex or base64]:FORMAT:(hex base64)' \
        '(--gzip)--gzip[compress the payload, and say so in the user property content-encoding (MQTT 5.0)]' \
        '*--user-property=[add the user property NAME=VALUE (repeatable)]:NAME=VALUE: ' \
        '(--content-type)--content-type=[say that the payload is of TYPE]:TYPE:(application/json application/cbor application/octet-stream text/plain)' \
        '(-e --response-topic)-e+[ask for a reply on TOPIC]:TOPIC: ' \
        '(-e --response-topic)--response-topic=[ask for a reply on TOPIC]:TOPIC: ' \
        '(--correlation-data)--correlation-data=[let a reply carry DATA]:DATA: ' \
        '(--message-expiry)--message-expiry=[let undelivered copies expire after TIME\: seconds or a duration]:TIME: ' \
        '(--payload-format)--payload-format=[say that the payload is FORMAT\: utf8 or bytes]:FORMAT:(utf8 bytes)' \
        '(--topic-alias)--topic-alias=[send the topic with the alias NUMBER]:NUMBER: ' \
        '(--request)--request[ask\: wait for the reply, and print its payload]' \
        '(--replies)--replies=[wait for N replies (default 1, with --gather all that come)]:N: ' \
        '(--gather)--gather=[take the replies of TIME, and end then]:TIME: ' \
        '(-v --verbose)-v[print the topic before each reply]' \
        '(-v --verbose)--verbose[print the topic before each reply]' \
        '(-F --format)-F+[print each reply as FORMAT says, as in mqtk sub]:FORMAT:(%% %A %C %D %E %F %I %j %J %l %m %P %p %q %R %r %S %t %U %x %X)' \
        '(-F --format)--format=[print each reply as FORMAT says, as in mqtk sub]:FORMAT:(%% %A %C %D %E %F %I %j %J %l %m %P %p %q %R %r %S %t %U %x %X)' \
        '(--json)--json[print each reply as mqtk sub --json does]' \
        '(--pretty)--pretty[lay JSON out on several lines\: payloads that are objects or arrays, or the objects of --json]' \
        '(-N --no-newline)-N[print no line end after a reply]' \
        '(-N --no-newline)--no-newline[print no line end after a reply]' \
        '(-R --no-retained)-R[accepted for mosquitto_rr'\''s sake\: what is retained is older than the request, and never its reply]' \
        '(-R --no-retained)--no-retained[accepted for mosquitto_rr'\''s sake\: what is retained is older than the request, and never its reply]' \
        '(-h --host)-h+[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESS]:ADDRESS: ' \
        '(-A --bind)--bind=[connect from the local ADDRESS]:ADDRESS: ' \
        '(-W --timeout)-W+[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(-W --timeout)--timeout=[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(--retry)--retry=[try again at most N times, before the first connection too (default\: before it never; after it, see LOST CONNECTIONS in the man page)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--nodelay)--nodelay[accepted for mosquitto'\''s sake\: small packets are never delayed]' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(-i --id)-i+[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-i --id)--id=[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-I --id-prefix)-I+[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(--auth-method)--auth-method=[log in by the SASL mechanism NAME, with user name and password of the usual flags\: SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, EXTERNAL, PLAIN, CRAM-MD5, DIGEST-MD5 (MQTT 5.0)]:NAME:(SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5)' \
        '(--plain-without-tls)--plain-without-tls[let --auth-method PLAIN show the password to the network]' \
        '(-V --protocol-version)-V+[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-k --keep-alive --keepalive)-k+[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keep-alive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keepalive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-c --no-clean --disable-clean-session)-c[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--no-clean[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--disable-clean-session[keep the session of an earlier connection, and this one; needs --id]' \
        '(-x --session-expiry)-x+[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '(-x --session-expiry)--session-expiry=[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '*-D[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, publish, disconnect, will]:PACKET NAME VALUE:(connect publish disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias topic-alias-maximum user-property will-delay-interval):value: ' \
        '*--property[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, publish, disconnect, will]:PACKET NAME VALUE:(connect publish disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias topic-alias-maximum user-property will-delay-interval):value: ' \
        '(--will-topic)--will-topic=[leave a will on TOPIC]:TOPIC: ' \
        '(--will-payload)--will-payload=[let the will say MESSAGE]:MESSAGE: ' \
        '(--will-qos)--will-qos=[publish the will at QOS]:QOS:(0 1 2)' \
        '(--will-retain)--will-retain[let the broker retain the will]' \
        '(--will-delay)--will-delay=[let the broker wait TIME before it publishes the will]:TIME: ' \
        '*--will-user-property=[add the user property NAME=VALUE (repeatable), in the will]:NAME=VALUE: ' \
        '(--will-content-type)--will-content-type=[say that the payload is of TYPE, in the will]:TYPE:(application/json application/cbor application/octet-stream text/plain)' \
        '(--will-response-topic)--will-response-topic=[ask for a reply on TOPIC, in the will]:TOPIC: ' \
        '(--will-correlation-data)--will-correlation-data=[let a reply carry DATA, in the will]:DATA: ' \
        '(--will-message-expiry)--will-message-expiry=[let undelivered copies expire after TIME\: seconds or a duration, in the will]:TIME: ' \
        '(--will-payload-format)--will-payload-format=[say that the payload is FORMAT\: utf8 or bytes, in the will]:FORMAT:(utf8 bytes)' \
        '(-d --debug)-d[print each packet on stderr]' \
        '(-d --debug)--debug[print each packet on stderr]' \
        '(--quiet)--quiet[print no warning, and no error but that of a command line that cannot be]' \
        '(--help)--help[show help]' \
        '*:topic: '
}

_mqtk_sub() {
    _arguments -s -S \
        '*-t+[subscribe to FILTER (repeatable; operands count as more of them, and so does the topic of --url)]:FILTER: ' \
        '*--topic=[subscribe to FILTER (repeatable; operands count as more of them, and so does the topic of --url)]:FILTER: ' \
        '(-q --qos)-q+[subscribe at QOS 0, 1 or 2 (default 0, and with --json and --record 2, for messages to come as they were published; one for all filters, or one for each in order)]:QOS:(0 1 2)' \
        '(-q --qos)--qos=[subscribe at QOS 0, 1 or 2 (default 0, and with --json and --record 2, for messages to come as they were published; one for all filters, or one for each in order)]:QOS:(0 1 2)' \
        '*-U+[unsubscribe from FILTER, of a session that is kept (repeatable)]:FILTER: ' \
        '*--unsubscribe=[unsubscribe from FILTER, of a session that is kept (repeatable)]:FILTER: ' \
        '*-T+[leave out messages whose topic matches FILTER (repeatable)]:FILTER: ' \
        '*--filter-out=[leave out messages whose topic matches FILTER (repeatable)]:FILTER: ' \
        '(--no-local)--no-local[leave out our own messages (MQTT 5.0)]' \
        '(--retain-as-published)--retain-as-published[keep the retain mark of live messages (MQTT 5.0)]' \
        '(--retain-handling)--retain-handling=[get retained messages WHEN\: 0 or always, 1 or new, with a new subscription, 2 or never (MQTT 5.0)]:WHEN:(0 1 2 always new never)' \
        '(--sub-id)--sub-id=[let messages carry the subscription identifier NUMBER (MQTT 5.0)]:NUMBER: ' \
        '*--user-property=[add the user property NAME=VALUE to the SUBSCRIBE (repeatable, MQTT 5.0)]:NAME=VALUE: ' \
        '*--where=[leave out messages of which EXPR does not hold, such as '\''payload.temp>30'\'' (repeatable)\: see CONDITIONS in the man page]:EXPR: ' \
        '*--grep=[leave out messages whose payload does not match the regular expression RE (repeatable)]:RE: ' \
        '(--random-filter)--random-filter=[take PERCENT of the messages, 0.1 to 100, chosen at random, and leave the others out]:PERCENT: ' \
        '(-C --count)-C+[end after N messages]:N: ' \
        '(-C --count)--count=[end after N messages]:N: ' \
        '(-E --exit-after-subscribe)-E[end once the broker has granted the subscriptions]' \
        '(-E --exit-after-subscribe)--exit-after-subscribe[end once the broker has granted the subscriptions]' \
        '(--retained-only)--retained-only[print retained messages, and end with the first that is not]' \
        '(-R --no-retained)-R[leave retained messages out]' \
        '(-R --no-retained)--no-retained[leave retained messages out]' \
        '(--idle)--idle=[end when no message has come for TIME; those left out do not count, nor does the time without a connection]:TIME: ' \
        '(--until-retained-end)--until-retained-end[end when all retained messages have come]' \
        '(--reply)--reply=[answer each message that asks for it by HOW\: echo sends its payload back, text\:TEXT says TEXT, exec\:COMMAND what COMMAND prints, which has the payload on stdin and the topic in MQTK_TOPIC]:HOW:(echo text\: exec\:)' \
        '(--response-topic)--response-topic=[answer at TOPIC where a request names none, as on MQTT 3.1.1]:TOPIC: ' \
        '(-v --verbose)-v[print the topic before the payload]' \
        '(-v --verbose)--verbose[print the topic before the payload]' \
        '(-F --format)-F+[print each message as FORMAT says, with the letters of mosquitto_sub, or with fields, as in '\''%t %{payload.temp}'\''\: see FORMAT in the man page]:FORMAT:(%% %A %C %D %E %F %I %j %J %l %m %P %p %q %R %r %S %t %U %x %X)' \
        '(-F --format)--format=[print each message as FORMAT says, with the letters of mosquitto_sub, or with fields, as in '\''%t %{payload.temp}'\''\: see FORMAT in the man page]:FORMAT:(%% %A %C %D %E %F %I %j %J %l %m %P %p %q %R %r %S %t %U %x %X)' \
        '(--json)--json[print each message as a JSON object on one line]' \
        '(-w --watch)-w[on a terminal, keep one line for each topic and update it in place]' \
        '(-w --watch)--watch[on a terminal, keep one line for each topic and update it in place]' \
        '(-N --no-newline)-N[print no line end after a message]' \
        '(-N --no-newline)--no-newline[print no line end after a message]' \
        '*--expect=[end with 10 unless what comes is as EXPR says, such as '\''payload=open within 5s'\'', '\''count>=3'\'', '\''every qos=1'\'', '\''never payload.error'\'' (repeatable)\: see EXPECTATIONS in the man page]:EXPR: ' \
        '(--seq)--seq=[check that the number in each payload, or in FIELD such as payload.n, is one more than the one before on its topic]:FIELD: ' \
        '*--report=[write the judgement to a file, too, as tap=FILE or junit=FILE (repeatable)]:tap=FILE:(tap= junit=)' \
        '(--tree)--tree[show the topics as a tree, with how many messages came, and the last payloads\: on a terminal updated in place, else printed at the end]' \
        '(--pretty)--pretty[lay JSON out on several lines\: payloads that are objects or arrays, or the objects of --json]' \
        '(--gunzip)--gunzip[unpack payloads that are gzip and not marked so, as none can be before MQTT 5.0; marked ones are unpacked without it]' \
        '(--record)--record=[append each message to FILE, as a line of --json; for pub --replay]:FILE:_files' \
        '(--out)--out=[write to PATH\: in a folder each topic'\''s last payload is a file; to any other file the output is appended, and its name may hold parts of the message (see FILES in the man page)]:PATH:_files' \
        '(--exec)--exec=[run COMMAND for each message, with the payload on stdin and the topic in $MQTK_TOPIC (see COMMANDS in the man page)]:COMMAND: ' \
        '(--exec-jobs)--exec-jobs=[let N commands run side by side (default 1\: one after the other, in order)]:N: ' \
        '(--remove-retained)--remove-retained[remove the retained messages that are printed from the broker]' \
        '(--dry-run)--dry-run[with --remove-retained, only count what would be removed]' \
        '(-h --host)-h+[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESS]:ADDRESS: ' \
        '(-A --bind)--bind=[connect from the local ADDRESS]:ADDRESS: ' \
        '(-W --timeout)-W+[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(-W --timeout)--timeout=[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(--retry)--retry=[try again at most N times, before the first connection too (default\: before it never; after it, see LOST CONNECTIONS in the man page)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--nodelay)--nodelay[accepted for mosquitto'\''s sake\: small packets are never delayed]' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(-i --id)-i+[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-i --id)--id=[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-I --id-prefix)-I+[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(--auth-method)--auth-method=[log in by the SASL mechanism NAME, with user name and password of the usual flags\: SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, EXTERNAL, PLAIN, CRAM-MD5, DIGEST-MD5 (MQTT 5.0)]:NAME:(SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5)' \
        '(--plain-without-tls)--plain-without-tls[let --auth-method PLAIN show the password to the network]' \
        '(-V --protocol-version)-V+[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-k --keep-alive --keepalive)-k+[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keep-alive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keepalive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-c --no-clean --disable-clean-session)-c[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--no-clean[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--disable-clean-session[keep the session of an earlier connection, and this one; needs --id]' \
        '(-x --session-expiry)-x+[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '(-x --session-expiry)--session-expiry=[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '*-D[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, subscribe, unsubscribe, disconnect, will]:PACKET NAME VALUE:(connect subscribe unsubscribe disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval subscription-identifier topic-alias-maximum user-property will-delay-interval):value: ' \
        '*--property[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, subscribe, unsubscribe, disconnect, will]:PACKET NAME VALUE:(connect subscribe unsubscribe disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval subscription-identifier topic-alias-maximum user-property will-delay-interval):value: ' \
        '(--will-topic)--will-topic=[leave a will on TOPIC]:TOPIC: ' \
        '(--will-payload)--will-payload=[let the will say MESSAGE]:MESSAGE: ' \
        '(--will-qos)--will-qos=[publish the will at QOS]:QOS:(0 1 2)' \
        '(--will-retain)--will-retain[let the broker retain the will]' \
        '(--will-delay)--will-delay=[let the broker wait TIME before it publishes the will]:TIME: ' \
        '*--will-user-property=[add the user property NAME=VALUE (repeatable), in the will]:NAME=VALUE: ' \
        '(--will-content-type)--will-content-type=[say that the payload is of TYPE, in the will]:TYPE:(application/json application/cbor application/octet-stream text/plain)' \
        '(--will-response-topic)--will-response-topic=[ask for a reply on TOPIC, in the will]:TOPIC: ' \
        '(--will-correlation-data)--will-correlation-data=[let a reply carry DATA, in the will]:DATA: ' \
        '(--will-message-expiry)--will-message-expiry=[let undelivered copies expire after TIME\: seconds or a duration, in the will]:TIME: ' \
        '(--will-payload-format)--will-payload-format=[say that the payload is FORMAT\: utf8 or bytes, in the will]:FORMAT:(utf8 bytes)' \
        '(-d --debug)-d[print each packet on stderr]' \
        '(-d --debug)--debug[print each packet on stderr]' \
        '(--quiet)--quiet[print no warning, and no error but that of a command line that cannot be]' \
        '(--reauth-every)--reauth-every=[prove anew who we are, every TIME; needs --auth-method]:TIME: ' \
        '(--help)--help[show help]' \
        '*:topic: '
}

_mqtk_bench_pub() {
    _arguments -s -S \
        '(-c --clients)-c+[have N publishers (default 10)]:N: ' \
        '(-c --clients)--clients=[have N publishers (default 10)]:N: ' \
        '(--pubs)--pubs=[have N publishers]:N: ' \
        '(--topics)--topics=[use N topics; publisher i feeds topic i modulo N (default one for each pair or publisher, with fan-out one)]:N: ' \
        '(-t --topic)-t+[call the topics by TEMPLATE, in which %i becomes the number of the topic and %r a word of this run (default mqtk/bench/%i)]:TEMPLATE: ' \
        '(-t --topic)--topic=[call the topics by TEMPLATE, in which %i becomes the number of the topic and %r a word of this run (default mqtk/bench/%i)]:TEMPLATE: ' \
        '(-q --qos)-q+[publish and subscribe at QOS 0, 1 or 2 (default 0)]:QOS:(0 1 2)' \
        '(-q --qos)--qos=[publish and subscribe at QOS 0, 1 or 2 (default 0)]:QOS:(0 1 2)' \
        '(-s --size)-s+[publish payloads of BYTES, or of all sizes of a range as 16-1024 (k and M are 1024 and 1024 times that); 16 at least, for that is what the proof of delivery takes (default 64)]:BYTES: ' \
        '(-s --size)--size=[publish payloads of BYTES, or of all sizes of a range as 16-1024 (k and M are 1024 and 1024 times that); 16 at least, for that is what the proof of delivery takes (default 64)]:BYTES: ' \
        '(-n --messages)-n+[end after N messages in all; with --duration, whatever ends first (retained and offline\: default 10000)]:N: ' \
        '(-n --messages)--messages=[end after N messages in all; with --duration, whatever ends first (retained and offline\: default 10000)]:N: ' \
        '(-z --duration)-z+[measure for TIME, without the warm-up (default 10, unless --messages says how long)]:TIME: ' \
        '(-z --duration)--duration=[measure for TIME, without the warm-up (default 10, unless --messages says how long)]:TIME: ' \
        '(--rate)--rate=[publish at RATE messages a second in all, each at its planned time (2000, 2000/s, 2k; default\: a closed loop at full speed)]:RATE: ' \
        '(--ramp)--ramp=[let the rate grow from nothing to that of --rate within TIME]:TIME: ' \
        '(-R --connect-rate)-R+[make RATE connections a second (default\: as fast as they are answered)]:RATE: ' \
        '(-R --connect-rate)--connect-rate=[make RATE connections a second (default\: as fast as they are answered)]:RATE: ' \
        '(--warmup)--warmup=[run for TIME before anything is counted (default 1)]:TIME: ' \
        '(-M --window --max-inflight)-M+[have at most N messages of a publisher unacknowledged at QoS 1 and 2 (default 100)]:N: ' \
        '(-M --window --max-inflight)--window=[have at most N messages of a publisher unacknowledged at QoS 1 and 2 (default 100)]:N: ' \
        '(-M --window --max-inflight)--max-inflight=[have at most N messages of a publisher unacknowledged at QoS 1 and 2 (default 100)]:N: ' \
        '(-r --retain)-r[let the broker retain the messages]' \
        '(-r --retain)--retain[let the broker retain the messages]' \
        '(--patience)--patience=[wait TIME after the last delivery for what is missing (default 5)]:TIME: ' \
        '(--workers)--workers=[put the load on with N threads (default half as many as there are processors)]:N: ' \
        '*--expect=[end with 10 if the run misses the OBJECTIVES, such as '\''p99<10ms,lost=0'\'' (repeatable)]:OBJECTIVES: ' \
        '(--repeat)--repeat=[run N times and report medians, with each run (with several --broker default 5)]:N:(inf)' \
        '*--broker=[start the broker that COMMAND runs, without a shell, measure it, and stop it; in it {port} becomes a free port and {data} a new directory; more than one (repeatable) are measured by turns and put side by side in a table]:COMMAND: ' \
        '(--pid)--pid=[watch CPU time and memory of the process PID, which is the broker (Linux)]:PID: ' \
        '(-h --host)-h+[connect to HOST (default\: without --port, too, mqtk'\''s own broker, in this process; else localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default\: without --port, too, mqtk'\''s own broker, in this process; else localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESSES, by turns\: one, several with commas, ranges as 127.0.0.2-127.0.0.9, networks as 10.0.0.0/24; each has room for some 28,000 connections]:ADDRESSES: ' \
        '(-A --bind)--bind=[connect from the local ADDRESSES, by turns\: one, several with commas, ranges as 127.0.0.2-127.0.0.9, networks as 10.0.0.0/24; each has room for some 28,000 connections]:ADDRESSES: ' \
        '(-W --timeout)-W+[end after TIME, whatever the run is at, with what was measured so far and code 27]:TIME: ' \
        '(-W --timeout)--timeout=[end after TIME, whatever the run is at, with what was measured so far and code 27]:TIME: ' \
        '(--retry)--retry=[try the first connection again at most N times (default\: never)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(-i --id)-i+[begin all client ids with PREFIX (default mqtk-)]:PREFIX: ' \
        '(-i --id)--id=[begin all client ids with PREFIX (default mqtk-)]:PREFIX: ' \
        '(-I --id-prefix)-I+[the same as --id PREFIX]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[the same as --id PREFIX]:PREFIX: ' \
        '(--auth-method)--auth-method=[log in by the SASL mechanism NAME, with user name and password of the usual flags\: SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, EXTERNAL, PLAIN, CRAM-MD5, DIGEST-MD5 (MQTT 5.0)]:NAME:(SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5)' \
        '(--plain-without-tls)--plain-without-tls[let --auth-method PLAIN show the password to the network]' \
        '(-V --protocol-version)-V+[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-k --keep-alive --keepalive)-k+[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keep-alive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keepalive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(--no-clean --disable-clean-session)--no-clean[connect without Clean Start, so that sessions of the same ids are taken up]' \
        '(--no-clean --disable-clean-session)--disable-clean-session[connect without Clean Start, so that sessions of the same ids are taken up]' \
        '(-x --session-expiry)-x+[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '(-x --session-expiry)--session-expiry=[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '*-D[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, publish, will]:PACKET NAME VALUE:(connect publish will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias topic-alias-maximum user-property will-delay-interval):value: ' \
        '*--property[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, publish, will]:PACKET NAME VALUE:(connect publish will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias topic-alias-maximum user-property will-delay-interval):value: ' \
        '(--will-topic)--will-topic=[leave a will on TOPIC]:TOPIC: ' \
        '(--will-payload)--will-payload=[let the will say MESSAGE]:MESSAGE: ' \
        '(--will-qos)--will-qos=[publish the will at QOS]:QOS:(0 1 2)' \
        '(--will-retain)--will-retain[let the broker retain the will]' \
        '(--will-delay)--will-delay=[let the broker wait TIME before it publishes the will]:TIME: ' \
        '*--will-user-property=[add the user property NAME=VALUE (repeatable), in the will]:NAME=VALUE: ' \
        '(--will-content-type)--will-content-type=[say that the payload is of TYPE, in the will]:TYPE:(application/json application/cbor application/octet-stream text/plain)' \
        '(--will-response-topic)--will-response-topic=[ask for a reply on TOPIC, in the will]:TOPIC: ' \
        '(--will-correlation-data)--will-correlation-data=[let a reply carry DATA, in the will]:DATA: ' \
        '(--will-message-expiry)--will-message-expiry=[let undelivered copies expire after TIME\: seconds or a duration, in the will]:TIME: ' \
        '(--will-payload-format)--will-payload-format=[say that the payload is FORMAT\: utf8 or bytes, in the will]:FORMAT:(utf8 bytes)' \
        '(--json)--json[print the report as a JSON object]' \
        '(--csv)--csv=[write the figures as CSV, a row for each run, to FILE, or, where none follows or -, to stdout]:FILE:_files' \
        '(--html)--html=[write a page with curves to FILE]:FILE:_files' \
        '(--series)--series=[write what each second was like as CSV, a row for each, to FILE]:FILE:_files' \
        '(--quiet)--quiet[print no warning and nothing about the course of things; of errors those alone that leave no report]' \
        '(--help)--help[show help]'
}

_mqtk_bench_sub() {
    _arguments -s -S \
        '(-c --clients)-c+[have N subscribers (default 10)]:N: ' \
        '(-c --clients)--clients=[have N subscribers (default 10)]:N: ' \
        '(--subs)--subs=[have N subscribers]:N: ' \
        '(--topics)--topics=[use N topics; publisher i feeds topic i modulo N (default one for each pair or publisher, with fan-out one)]:N: ' \
        '(-t --topic)-t+[subscribe to TEMPLATE, a topic or a filter with + and #, in which %i becomes the number of the topic and %r a word of this run (default mqtk/bench/%i)]:TEMPLATE: ' \
        '(-t --topic)--topic=[subscribe to TEMPLATE, a topic or a filter with + and #, in which %i becomes the number of the topic and %r a word of this run (default mqtk/bench/%i)]:TEMPLATE: ' \
        '(-q --qos)-q+[publish and subscribe at QOS 0, 1 or 2 (default 0)]:QOS:(0 1 2)' \
        '(-q --qos)--qos=[publish and subscribe at QOS 0, 1 or 2 (default 0)]:QOS:(0 1 2)' \
        '(-n --messages)-n+[end after N messages in all; with --duration, whatever ends first (retained and offline\: default 10000)]:N: ' \
        '(-n --messages)--messages=[end after N messages in all; with --duration, whatever ends first (retained and offline\: default 10000)]:N: ' \
        '(-z --duration)-z+[measure for TIME, without the warm-up (default 10, unless --messages says how long)]:TIME: ' \
        '(-z --duration)--duration=[measure for TIME, without the warm-up (default 10, unless --messages says how long)]:TIME: ' \
        '(-R --connect-rate)-R+[make RATE connections a second (default\: as fast as they are answered)]:RATE: ' \
        '(-R --connect-rate)--connect-rate=[make RATE connections a second (default\: as fast as they are answered)]:RATE: ' \
        '(--warmup)--warmup=[run for TIME before anything is counted (default 1)]:TIME: ' \
        '(--patience)--patience=[wait TIME after the last delivery for what is missing (default 5)]:TIME: ' \
        '(--workers)--workers=[put the load on with N threads (default half as many as there are processors)]:N: ' \
        '*--expect=[end with 10 if the run misses the OBJECTIVES, such as '\''p99<10ms,lost=0'\'' (repeatable)]:OBJECTIVES: ' \
        '(--repeat)--repeat=[run N times and report medians, with each run (with several --broker default 5)]:N:(inf)' \
        '(--pid)--pid=[watch CPU time and memory of the process PID, which is the broker (Linux)]:PID: ' \
        '(-h --host)-h+[connect to HOST (default\: without --port, too, mqtk'\''s own broker, in this process; else localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default\: without --port, too, mqtk'\''s own broker, in this process; else localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESSES, by turns\: one, several with commas, ranges as 127.0.0.2-127.0.0.9, networks as 10.0.0.0/24; each has room for some 28,000 connections]:ADDRESSES: ' \
        '(-A --bind)--bind=[connect from the local ADDRESSES, by turns\: one, several with commas, ranges as 127.0.0.2-127.0.0.9, networks as 10.0.0.0/24; each has room for some 28,000 connections]:ADDRESSES: ' \
        '(-W --timeout)-W+[end after TIME, whatever the run is at, with what was measured so far and code 27]:TIME: ' \
        '(-W --timeout)--timeout=[end after TIME, whatever the run is at, with what was measured so far and code 27]:TIME: ' \
        '(--retry)--retry=[try the first connection again at most N times (default\: never)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(-i --id)-i+[begin all client ids with PREFIX (default mqtk-)]:PREFIX: ' \
        '(-i --id)--id=[begin all client ids with PREFIX (default mqtk-)]:PREFIX: ' \
        '(-I --id-prefix)-I+[the same as --id PREFIX]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[the same as --id PREFIX]:PREFIX: ' \
        '(--auth-method)--auth-method=[log in by the SASL mechanism NAME, with user name and password of the usual flags\: SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, EXTERNAL, PLAIN, CRAM-MD5, DIGEST-MD5 (MQTT 5.0)]:NAME:(SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5)' \
        '(--plain-without-tls)--plain-without-tls[let --auth-method PLAIN show the password to the network]' \
        '(-V --protocol-version)-V+[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-k --keep-alive --keepalive)-k+[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keep-alive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keepalive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(--no-clean --disable-clean-session)--no-clean[connect without Clean Start, so that sessions of the same ids are taken up]' \
        '(--no-clean --disable-clean-session)--disable-clean-session[connect without Clean Start, so that sessions of the same ids are taken up]' \
        '(-x --session-expiry)-x+[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '(-x --session-expiry)--session-expiry=[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '*-D[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, will]:PACKET NAME VALUE:(connect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '*--property[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, will]:PACKET NAME VALUE:(connect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '(--will-topic)--will-topic=[leave a will on TOPIC]:TOPIC: ' \
        '(--will-payload)--will-payload=[let the will say MESSAGE]:MESSAGE: ' \
        '(--will-qos)--will-qos=[publish the will at QOS]:QOS:(0 1 2)' \
        '(--will-retain)--will-retain[let the broker retain the will]' \
        '(--will-delay)--will-delay=[let the broker wait TIME before it publishes the will]:TIME: ' \
        '*--will-user-property=[add the user property NAME=VALUE (repeatable), in the will]:NAME=VALUE: ' \
        '(--will-content-type)--will-content-type=[say that the payload is of TYPE, in the will]:TYPE:(application/json application/cbor application/octet-stream text/plain)' \
        '(--will-response-topic)--will-response-topic=[ask for a reply on TOPIC, in the will]:TOPIC: ' \
        '(--will-correlation-data)--will-correlation-data=[let a reply carry DATA, in the will]:DATA: ' \
        '(--will-message-expiry)--will-message-expiry=[let undelivered copies expire after TIME\: seconds or a duration, in the will]:TIME: ' \
        '(--will-payload-format)--will-payload-format=[say that the payload is FORMAT\: utf8 or bytes, in the will]:FORMAT:(utf8 bytes)' \
        '(--json)--json[print the report as a JSON object]' \
        '(--csv)--csv=[write the figures as CSV, a row for each run, to FILE, or, where none follows or -, to stdout]:FILE:_files' \
        '(--html)--html=[write a page with curves to FILE]:FILE:_files' \
        '(--series)--series=[write what each second was like as CSV, a row for each, to FILE]:FILE:_files' \
        '(--quiet)--quiet[print no warning and nothing about the course of things; of errors those alone that leave no report]' \
        '(--help)--help[show help]'
}

_mqtk_bench_conn() {
    _arguments -s -S \
        '(--shape)--shape=[do with connections what SHAPE says\: ramp, churn, storm (default ramp); SHAPES in the man page tells of each]:SHAPE:(ramp churn storm)' \
        '(-c --clients)-c+[have N connections (default 10)]:N: ' \
        '(-c --clients)--clients=[have N connections (default 10)]:N: ' \
        '(-z --duration)-z+[measure for TIME, without the warm-up (default 10, unless --messages says how long)]:TIME: ' \
        '(-z --duration)--duration=[measure for TIME, without the warm-up (default 10, unless --messages says how long)]:TIME: ' \
        '(-R --connect-rate)-R+[make RATE connections a second (default\: as fast as they are answered)]:RATE: ' \
        '(-R --connect-rate)--connect-rate=[make RATE connections a second (default\: as fast as they are answered)]:RATE: ' \
        '(--hold)--hold=[hold the connections for TIME (default that of --duration; storm 1, and again after each loss)]:TIME: ' \
        '(--patience)--patience=[wait TIME after the last delivery for what is missing (default 5)]:TIME: ' \
        '(--workers)--workers=[put the load on with N threads (default half as many as there are processors)]:N: ' \
        '*--expect=[end with 10 if the run misses the OBJECTIVES, such as '\''p99<10ms,lost=0'\'' (repeatable)]:OBJECTIVES: ' \
        '(--repeat)--repeat=[run N times and report medians, with each run (with several --broker default 5)]:N:(inf)' \
        '*--broker=[start the broker that COMMAND runs, without a shell, measure it, and stop it; in it {port} becomes a free port and {data} a new directory; more than one (repeatable) are measured by turns and put side by side in a table]:COMMAND: ' \
        '(--pid)--pid=[watch CPU time and memory of the process PID, which is the broker (Linux)]:PID: ' \
        '(-h --host)-h+[connect to HOST (default\: without --port, too, mqtk'\''s own broker, in this process; else localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default\: without --port, too, mqtk'\''s own broker, in this process; else localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESSES, by turns\: one, several with commas, ranges as 127.0.0.2-127.0.0.9, networks as 10.0.0.0/24; each has room for some 28,000 connections]:ADDRESSES: ' \
        '(-A --bind)--bind=[connect from the local ADDRESSES, by turns\: one, several with commas, ranges as 127.0.0.2-127.0.0.9, networks as 10.0.0.0/24; each has room for some 28,000 connections]:ADDRESSES: ' \
        '(-W --timeout)-W+[end after TIME, whatever the run is at, with what was measured so far and code 27]:TIME: ' \
        '(-W --timeout)--timeout=[end after TIME, whatever the run is at, with what was measured so far and code 27]:TIME: ' \
        '(--retry)--retry=[try the first connection again at most N times (default\: never)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(-i --id)-i+[begin all client ids with PREFIX (default mqtk-)]:PREFIX: ' \
        '(-i --id)--id=[begin all client ids with PREFIX (default mqtk-)]:PREFIX: ' \
        '(-I --id-prefix)-I+[the same as --id PREFIX]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[the same as --id PREFIX]:PREFIX: ' \
        '(--auth-method)--auth-method=[log in by the SASL mechanism NAME, with user name and password of the usual flags\: SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, EXTERNAL, PLAIN, CRAM-MD5, DIGEST-MD5 (MQTT 5.0)]:NAME:(SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5)' \
        '(--plain-without-tls)--plain-without-tls[let --auth-method PLAIN show the password to the network]' \
        '(-V --protocol-version)-V+[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-k --keep-alive --keepalive)-k+[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keep-alive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keepalive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(--no-clean --disable-clean-session)--no-clean[connect without Clean Start, so that sessions of the same ids are taken up]' \
        '(--no-clean --disable-clean-session)--disable-clean-session[connect without Clean Start, so that sessions of the same ids are taken up]' \
        '(-x --session-expiry)-x+[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '(-x --session-expiry)--session-expiry=[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '*-D[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, will]:PACKET NAME VALUE:(connect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '*--property[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, will]:PACKET NAME VALUE:(connect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '(--will-topic)--will-topic=[leave a will on TOPIC]:TOPIC: ' \
        '(--will-payload)--will-payload=[let the will say MESSAGE]:MESSAGE: ' \
        '(--will-qos)--will-qos=[publish the will at QOS]:QOS:(0 1 2)' \
        '(--will-retain)--will-retain[let the broker retain the will]' \
        '(--will-delay)--will-delay=[let the broker wait TIME before it publishes the will]:TIME: ' \
        '*--will-user-property=[add the user property NAME=VALUE (repeatable), in the will]:NAME=VALUE: ' \
        '(--will-content-type)--will-content-type=[say that the payload is of TYPE, in the will]:TYPE:(application/json application/cbor application/octet-stream text/plain)' \
        '(--will-response-topic)--will-response-topic=[ask for a reply on TOPIC, in the will]:TOPIC: ' \
        '(--will-correlation-data)--will-correlation-data=[let a reply carry DATA, in the will]:DATA: ' \
        '(--will-message-expiry)--will-message-expiry=[let undelivered copies expire after TIME\: seconds or a duration, in the will]:TIME: ' \
        '(--will-payload-format)--will-payload-format=[say that the payload is FORMAT\: utf8 or bytes, in the will]:FORMAT:(utf8 bytes)' \
        '(--json)--json[print the report as a JSON object]' \
        '(--csv)--csv=[write the figures as CSV, a row for each run, to FILE, or, where none follows or -, to stdout]:FILE:_files' \
        '(--html)--html=[write a page with curves to FILE]:FILE:_files' \
        '(--series)--series=[write what each second was like as CSV, a row for each, to FILE]:FILE:_files' \
        '(--quiet)--quiet[print no warning and nothing about the course of things; of errors those alone that leave no report]' \
        '(--help)--help[show help]'
}

_mqtk_bench_compare() {
    _arguments -s -S \
        '(--threshold)--threshold=[take PERCENT for the least difference that matters (default 5%)]:PERCENT: ' \
        '(--figures)--figures=[judge the figures NAMES, with commas between (default\: those that say most)]:NAMES: ' \
        '(--closed-latency)--closed-latency[judge the latency of closed loops, too, which is as long as their windows make it]' \
        '(--anyway)--anyway[compare runs of different tests, too]' \
        '(--json)--json[print the verdict as a JSON object]' \
        '(--quiet)--quiet[print no error but what leaves no report]' \
        '(--help)--help[show help]' \
        '*:path:_files'
}

_mqtk_bench_crash() {
    _arguments -s -S \
        '(--kills)--kills=[kill the broker N times (default 10)]:N: ' \
        '(--load-time)--load-time=[load it for TIME before each kill, half as long or half as long again (default 1)]:TIME: ' \
        '(--patience)--patience=[give it TIME to start and to answer (default 10)]:TIME: ' \
        '(--seed)--seed=[kill at the moments that NUMBER stands for (default\: others each time)]:NUMBER: ' \
        '(-c)-c+[the same as --pubs N --subs N]:N: ' \
        '(--pubs)--pubs=[have N publishers of QoS 1 and 2 (default 4)]:N: ' \
        '(--subs)--subs=[have N subscribers, every other one away at times (default 4)]:N: ' \
        '(--share)--share=[have a shared subscription of N members, on MQTT 5.0 (default 2)]:N: ' \
        '(--retained)--retained=[have N topics with a retained message (default 200)]:N: ' \
        '(--wills)--wills=[have N clients with a will (default 2)]:N: ' \
        '(--sessions)--sessions=[make N new sessions with subscriptions a second (default 10)]:N: ' \
        '(--rate)--rate=[publish N messages a second in all (default 500)]:N: ' \
        '(-s --size)-s+[publish payloads of BYTES (default 64)]:BYTES: ' \
        '(-s --size)--size=[publish payloads of BYTES (default 64)]:BYTES: ' \
        '(-M --window --max-inflight)-M+[have at most N messages of a publisher unacknowledged (default 20)]:N: ' \
        '(-M --window --max-inflight)--window=[have at most N messages of a publisher unacknowledged (default 20)]:N: ' \
        '(-M --window --max-inflight)--max-inflight=[have at most N messages of a publisher unacknowledged (default 20)]:N: ' \
        '(-h --host)-h+[connect to HOST (default localhost; with {port} 127.0.0.1)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost; with {port} 127.0.0.1)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT, which {port} becomes, too (default 1883; with {port} a free one)]:PORT: ' \
        '(-p --port)--port=[connect to PORT, which {port} becomes, too (default 1883; with {port} a free one)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\] or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\] or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(-I --id-prefix)-I+[begin client ids with PREFIX (default mqtk-)]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[begin client ids with PREFIX (default mqtk-)]:PREFIX: ' \
        '(-V --protocol-version)-V+[speak MQTT VERSION\: 5, 311 or both, by turns (default both)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[speak MQTT VERSION\: 5, 311 or both, by turns (default both)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(--json)--json[print the report as a JSON object]' \
        '(--broker-log)--broker-log=[append what the broker prints to FILE]:FILE:_files' \
        '(--keep-data)--keep-data[keep the directory of {data} when something was found, and say where it is]' \
        '(--quiet)--quiet[print no warning and no error]' \
        '(--help)--help[show help]'
}

_mqtk_bench() {
    local sub=$words[2]
    if (( CURRENT > 2 && $+functions[_mqtk_bench_$sub] )); then
        shift words
        (( CURRENT-- ))
        _mqtk_bench_$sub
        return
    fi
    _arguments -s -S \
        '(--shape)--shape=[have clients do what SHAPE says\: pairs, fan-in, fan-out, shared, retained, offline (default pairs); SHAPES in the man page tells of each]:SHAPE:(pairs fan-in fan-out shared retained offline)' \
        '(-c --clients)-c+[have N publishers and N subscribers; of fan-in one subscriber, of fan-out one publisher (default 10)]:N: ' \
        '(-c --clients)--clients=[have N publishers and N subscribers; of fan-in one subscriber, of fan-out one publisher (default 10)]:N: ' \
        '(--pubs)--pubs=[have N publishers]:N: ' \
        '(--subs)--subs=[have N subscribers]:N: ' \
        '(--topics)--topics=[use N topics; publisher i feeds topic i modulo N (default one for each pair or publisher, with fan-out one)]:N: ' \
        '(-t --topic)-t+[call the topics by TEMPLATE, in which %i becomes the number of the topic and %r a word of this run (default mqtk/%r/%i)]:TEMPLATE: ' \
        '(-t --topic)--topic=[call the topics by TEMPLATE, in which %i becomes the number of the topic and %r a word of this run (default mqtk/%r/%i)]:TEMPLATE: ' \
        '(-q --qos)-q+[publish and subscribe at QOS 0, 1 or 2 (default 0)]:QOS:(0 1 2)' \
        '(-q --qos)--qos=[publish and subscribe at QOS 0, 1 or 2 (default 0)]:QOS:(0 1 2)' \
        '(-s --size)-s+[publish payloads of BYTES, or of all sizes of a range as 16-1024 (k and M are 1024 and 1024 times that); 16 at least, for that is what the proof of delivery takes (default 64)]:BYTES: ' \
        '(-s --size)--size=[publish payloads of BYTES, or of all sizes of a range as 16-1024 (k and M are 1024 and 1024 times that); 16 at least, for that is what the proof of delivery takes (default 64)]:BYTES: ' \
        '(-n --messages)-n+[end after N messages in all; with --duration, whatever ends first (retained and offline\: default 10000)]:N: ' \
        '(-n --messages)--messages=[end after N messages in all; with --duration, whatever ends first (retained and offline\: default 10000)]:N: ' \
        '(-z --duration)-z+[measure for TIME, without the warm-up (default 10, unless --messages says how long)]:TIME: ' \
        '(-z --duration)--duration=[measure for TIME, without the warm-up (default 10, unless --messages says how long)]:TIME: ' \
        '(--rate)--rate=[publish at RATE messages a second in all, each at its planned time (2000, 2000/s, 2k; default\: a closed loop at full speed)]:RATE: ' \
        '(--ramp)--ramp=[let the rate grow from nothing to that of --rate within TIME]:TIME: ' \
        '(-R --connect-rate)-R+[make RATE connections a second (default\: as fast as they are answered)]:RATE: ' \
        '(-R --connect-rate)--connect-rate=[make RATE connections a second (default\: as fast as they are answered)]:RATE: ' \
        '(--warmup)--warmup=[run for TIME before anything is counted (default 1)]:TIME: ' \
        '(-M --window --max-inflight)-M+[have at most N messages of a publisher unacknowledged at QoS 1 and 2 (default 100)]:N: ' \
        '(-M --window --max-inflight)--window=[have at most N messages of a publisher unacknowledged at QoS 1 and 2 (default 100)]:N: ' \
        '(-M --window --max-inflight)--max-inflight=[have at most N messages of a publisher unacknowledged at QoS 1 and 2 (default 100)]:N: ' \
        '(--outstanding)--outstanding=[in a closed loop, have at most N messages of a publisher sent and not received (default 1000; 0\: no bound)]:N: ' \
        '(-r --retain)-r[let the broker retain the messages]' \
        '(-r --retain)--retain[let the broker retain the messages]' \
        '(--patience)--patience=[wait TIME after the last delivery for what is missing (default 5)]:TIME: ' \
        '(--workers)--workers=[put the load on with N threads (default half as many as there are processors)]:N: ' \
        '*--expect=[end with 10 if the run misses the OBJECTIVES, such as '\''p99<10ms,lost=0'\'' (repeatable)]:OBJECTIVES: ' \
        '(--find-max)--find-max[search for the highest rate that keeps the objectives of --slo, and show the curve]' \
        '(--slo)--slo=[the OBJECTIVES of --find-max (default p99<10ms,lost=0)]:OBJECTIVES: ' \
        '(--repeat)--repeat=[run N times and report medians, with each run (with several --broker default 5)]:N:(inf)' \
        '*--broker=[start the broker that COMMAND runs, without a shell, measure it, and stop it; in it {port} becomes a free port and {data} a new directory; more than one (repeatable) are measured by turns and put side by side in a table]:COMMAND: ' \
        '(--rows)--rows=[with several --broker, measure the ROWS SHAPE/QOS\[/BYTES\], with blanks between (default pairs/0 pairs/1 pairs/2 fan-in/0 fan-out/0 fan-out/1)]:ROWS: ' \
        '(--pid)--pid=[watch CPU time and memory of the process PID, which is the broker (Linux)]:PID: ' \
        '(-h --host)-h+[connect to HOST (default\: without --port, too, mqtk'\''s own broker, in this process; else localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default\: without --port, too, mqtk'\''s own broker, in this process; else localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESSES, by turns\: one, several with commas, ranges as 127.0.0.2-127.0.0.9, networks as 10.0.0.0/24; each has room for some 28,000 connections]:ADDRESSES: ' \
        '(-A --bind)--bind=[connect from the local ADDRESSES, by turns\: one, several with commas, ranges as 127.0.0.2-127.0.0.9, networks as 10.0.0.0/24; each has room for some 28,000 connections]:ADDRESSES: ' \
        '(-W --timeout)-W+[end after TIME, whatever the run is at, with what was measured so far and code 27]:TIME: ' \
        '(-W --timeout)--timeout=[end after TIME, whatever the run is at, with what was measured so far and code 27]:TIME: ' \
        '(--retry)--retry=[try the first connection again at most N times (default\: never)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(-i --id)-i+[begin all client ids with PREFIX (default mqtk-)]:PREFIX: ' \
        '(-i --id)--id=[begin all client ids with PREFIX (default mqtk-)]:PREFIX: ' \
        '(-I --id-prefix)-I+[the same as --id PREFIX]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[the same as --id PREFIX]:PREFIX: ' \
        '(--auth-method)--auth-method=[log in by the SASL mechanism NAME, with user name and password of the usual flags\: SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, EXTERNAL, PLAIN, CRAM-MD5, DIGEST-MD5 (MQTT 5.0)]:NAME:(SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5)' \
        '(--plain-without-tls)--plain-without-tls[let --auth-method PLAIN show the password to the network]' \
        '(-V --protocol-version)-V+[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-k --keep-alive --keepalive)-k+[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keep-alive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keepalive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(--no-clean --disable-clean-session)--no-clean[connect without Clean Start, so that sessions of the same ids are taken up]' \
        '(--no-clean --disable-clean-session)--disable-clean-session[connect without Clean Start, so that sessions of the same ids are taken up]' \
        '(-x --session-expiry)-x+[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '(-x --session-expiry)--session-expiry=[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '*-D[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, publish, will]:PACKET NAME VALUE:(connect publish will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias topic-alias-maximum user-property will-delay-interval):value: ' \
        '*--property[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, publish, will]:PACKET NAME VALUE:(connect publish will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias topic-alias-maximum user-property will-delay-interval):value: ' \
        '(--will-topic)--will-topic=[leave a will on TOPIC]:TOPIC: ' \
        '(--will-payload)--will-payload=[let the will say MESSAGE]:MESSAGE: ' \
        '(--will-qos)--will-qos=[publish the will at QOS]:QOS:(0 1 2)' \
        '(--will-retain)--will-retain[let the broker retain the will]' \
        '(--will-delay)--will-delay=[let the broker wait TIME before it publishes the will]:TIME: ' \
        '*--will-user-property=[add the user property NAME=VALUE (repeatable), in the will]:NAME=VALUE: ' \
        '(--will-content-type)--will-content-type=[say that the payload is of TYPE, in the will]:TYPE:(application/json application/cbor application/octet-stream text/plain)' \
        '(--will-response-topic)--will-response-topic=[ask for a reply on TOPIC, in the will]:TOPIC: ' \
        '(--will-correlation-data)--will-correlation-data=[let a reply carry DATA, in the will]:DATA: ' \
        '(--will-message-expiry)--will-message-expiry=[let undelivered copies expire after TIME\: seconds or a duration, in the will]:TIME: ' \
        '(--will-payload-format)--will-payload-format=[say that the payload is FORMAT\: utf8 or bytes, in the will]:FORMAT:(utf8 bytes)' \
        '(--json)--json[print the report as a JSON object]' \
        '(--csv)--csv=[write the figures as CSV, a row for each run, to FILE, or, where none follows or -, to stdout]:FILE:_files' \
        '(--html)--html=[write a page with curves to FILE]:FILE:_files' \
        '(--series)--series=[write what each second was like as CSV, a row for each, to FILE]:FILE:_files' \
        '(--quiet)--quiet[print no warning and nothing about the course of things; of errors those alone that leave no report]' \
        '(--help)--help[show help]' \
        '*: :(pub sub conn compare crash)'
}

_mqtk_inspect_decode() {
    _arguments -s -S \
        '(-V --protocol-version)-V+[take them for MQTT VERSION\: 5, 311 or 31 (default auto\: what a CONNECT says, and 5 before it)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[take them for MQTT VERSION\: 5, 311 or 31 (default auto\: what a CONNECT says, and 5 before it)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(--from)--from=[hold them to what SIDE may send\: client or server (default either)]:SIDE:(client server)' \
        '(--raw)--raw[bytes as they are, in or, with --encode, out]' \
        '(--base64)--base64[base64 instead of hexadecimal digits, in or out]' \
        '(--bytes)--bytes[say of each byte what it is]' \
        '(--encode)--encode[turn packets in words into bytes]' \
        '(--json)--json[print a JSON object for each packet]' \
        '(--help)--help[show help]' \
        '*:path:_files'
}

_mqtk_inspect_pcap() {
    _arguments -s -S \
        '(-i --interface)-i+[capture on the interface NAME, or on any]:NAME: ' \
        '(-i --interface)--interface=[capture on the interface NAME, or on any]:NAME: ' \
        '(--tls-keylog)--tls-keylog=[decrypt TLS with the secrets in FILE, which SSLKEYLOGFILE or --tls-keylog had a client write (default\: SSLKEYLOGFILE)]:FILE:_files' \
        '(-V --protocol-version)-V+[take connections whose CONNECT was not seen for MQTT VERSION\: 5, 311 or 31 (default auto\: by their packets)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[take connections whose CONNECT was not seen for MQTT VERSION\: 5, 311 or 31 (default auto\: by their packets)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(--apart)--apart[judge each connection by itself\: the capture does not hold all connections of these clients]' \
        '*--client=[those of client ID (repeatable)]:ID: ' \
        '(--topic)--topic=[those in which a message passed that matches the topic filter FILTER; of packets, these messages and the answers to them]:FILTER: ' \
        '*--port=[those with the port PORT, whatever their first bytes are (repeatable; default\: all connections that begin as MQTT does)]:PORT: ' \
        '(--findings)--findings[those in which something was found]' \
        '(--packets)--packets[list each packet in words, with its time, connection and side]' \
        '(--secrets)--secrets[print passwords and authentication data]' \
        '(--pcapng)--pcapng=[write the sessions to FILE as a capture, out of TLS and WebSocket]:FILE:_files' \
        '(--json)--json[print a JSON object for each packet, finding and session, and one at the end]' \
        '(--help)--help[show help]' \
        '*:path:_files'
}

_mqtk_inspect_proxy() {
    _arguments -s -S \
        '(--listen)--listen=[wait for clients at URL\: mqtt, mqtts, ws, wss or unix, port 0 is any (default mqtt\://127.0.0.1\:1884)]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--listen-cert)--listen-cert=[of mqtts and wss\: the certificate, with its chain, in the PEM file FILE]:FILE:_files' \
        '(--listen-key)--listen-key=[its key, in the PEM file FILE]:FILE:_files' \
        '*--fault=[break what RULES say, see above; @FILE takes them from a file (repeatable)]:RULES: ' \
        '(--seed)--seed=[break what the seed N stands for (default\: others each time, with a seed that is printed)]:N: ' \
        '(--allow-remote)--allow-remote[break things between clients and a broker that is not on this machine]' \
        '(--record)--record=[write all that is said to FILE as a script for inspect send]:FILE:_files' \
        '(--pcapng)--pcapng=[write all that is said to FILE as a capture]:FILE:_files' \
        '(--findings)--findings[print only packets that break the standard, or that a fault touched]' \
        '(-v --verbose)-v[print payloads whole]' \
        '(-v --verbose)--verbose[print payloads whole]' \
        '(--json)--json[print a JSON object for each packet and each event]' \
        '(--connections)--connections=[end when N connections are over]:N: ' \
        '(-W --timeout)-W+[end after TIME]:TIME: ' \
        '(-W --timeout)--timeout=[end after TIME]:TIME: ' \
        '(--to)--to=[connect to the broker at URL]:URL: ' \
        '(-h --host)-h+[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESS]:ADDRESS: ' \
        '(-A --bind)--bind=[connect from the local ADDRESS]:ADDRESS: ' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(--quiet)--quiet[print no warning, and no error but that of a command line that cannot be]' \
        '(--help)--help[show help]' \
        '*:topic: '
}

_mqtk_inspect_probe() {
    _arguments -s -S \
        '(-n --rounds)-n+[measure each round trip N times (default 10; fewer where that takes longer than a second)]:N: ' \
        '(-n --rounds)--rounds=[measure each round trip N times (default 10; fewer where that takes longer than a second)]:N: ' \
        '(--max-packet)--max-packet=[look for the packet size up to SIZE (default 1M)]:SIZE: ' \
        '(-t --topic)-t+[publish and subscribe below TOPIC, where a broker allows only some (default mqtk-probe/ and 12 random characters)]:TOPIC: ' \
        '(-t --topic)--topic=[publish and subscribe below TOPIC, where a broker allows only some (default mqtk-probe/ and 12 random characters)]:TOPIC: ' \
        '(-I --id-prefix)-I+[begin client ids with PREFIX, of 10 characters at most (default mqtkprobe)]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[begin client ids with PREFIX, of 10 characters at most (default mqtkprobe)]:PREFIX: ' \
        '(--json)--json[print one JSON object]' \
        '(-h --host)-h+[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESS]:ADDRESS: ' \
        '(-A --bind)--bind=[connect from the local ADDRESS]:ADDRESS: ' \
        '(--retry)--retry=[try again at most N times, before anything else, if the broker is not there (default\: never)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--quiet)--quiet[print no warning, and no error but that of a command line that cannot be]' \
        '(-d --debug)-d[print each packet on stderr, behind the number of its connection]' \
        '(-d --debug)--debug[print each packet on stderr, behind the number of its connection]' \
        '(--help)--help[show help]' \
        '*:topic: '
}

_mqtk_inspect_audit() {
    _arguments -s -S \
        '*--only=[nothing but WHAT\: a statement (MQTT-3.1.2-22, MQTT-4.7.*, 5.0/MQTT-3.1.2-22), a section with those below it (4.7), a version (5.0 or 3.1.1), or words of a conversation'\''s title (repeatable)]:WHAT: ' \
        '*--skip=[not WHAT, named in the same ways (repeatable)]:WHAT: ' \
        '*--have=[the broker has WHAT\: users, acl, challenge, anonymous or quiet, see above (repeatable)]:WHAT:(users acl challenge anonymous quiet)' \
        '(--all)--all[list every statement, not findings alone]' \
        '(--json)--json[print one JSON object, with passed, failed, not_testable, statements, rules, findings]' \
        '(--scripts)--scripts=[write the conversation of each finding to a file in DIR, for inspect send]:DIR:_files -/' \
        '(--junit)--junit=[write a JUnit report to FILE, too]:FILE:_files' \
        '(-h --host)-h+[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESS]:ADDRESS: ' \
        '(-A --bind)--bind=[connect from the local ADDRESS]:ADDRESS: ' \
        '(--retry)--retry=[try again at most N times, before anything else, if the broker is not there (default\: never)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--quiet)--quiet[print no warning, and no error but that of a command line that cannot be]' \
        '(-d --debug)-d[print each packet on stderr, behind the number of its connection]' \
        '(-d --debug)--debug[print each packet on stderr, behind the number of its connection]' \
        '(--help)--help[show help]' \
        '*:topic: '
}

_mqtk_inspect_send() {
    _arguments -s -S \
        '(-f --file)-f+[play the script in FILE; - is stdin]:FILE:_files' \
        '(-f --file)--file=[play the script in FILE; - is stdin]:FILE:_files' \
        '(-V --protocol-version)-V+[play the scripts for MQTT VERSION, 5, 311 or 31, and those that say none in it (default auto\: all, and 5)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[play the scripts for MQTT VERSION, 5, 311 or 31, and those that say none in it (default auto\: all, and 5)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(--patience)--patience=[wait TIME for what the script gives no time (default 5)]:TIME: ' \
        '(--wait)--wait=[print for TIME what comes behind the last step (default 1 if that sends a packet, otherwise 0)]:TIME: ' \
        '(--json)--json[print a JSON object for each packet, and one for the outcome]' \
        '(-h --host)-h+[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESS]:ADDRESS: ' \
        '(-A --bind)--bind=[connect from the local ADDRESS]:ADDRESS: ' \
        '(--retry)--retry=[try again at most N times, before anything else, if the broker is not there (default\: never)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--quiet)--quiet[print no warning, and no error but that of a command line that cannot be]' \
        '(--help)--help[show help]' \
        '*:path:_files'
}

_mqtk_inspect_check() {
    _arguments -s -S \
        '(--connect)--connect=[the TIMES from dialling to the CONNACK, as in 100ms,500ms]:TIMES: ' \
        '(--receive)--receive=[the TIMES from publishing a message at QoS 1 to receiving it]:TIMES: ' \
        '(--qos2)--qos2=[the TIMES of the whole handshake of a message at QoS 2]:TIMES: ' \
        '(--tls-days)--tls-days=[the DAYS for which the broker'\''s certificates are valid, as in 30,7]:DAYS: ' \
        '*--retained-age=[the age of a retained message, TOPIC=TIMES (repeatable)]:TOPIC=TIMES: ' \
        '(--age-from)--age-from=[take its time from PATH in a payload of JSON, as in state.ts (default\: the payload is the time)]:PATH:_files' \
        '(-t --topic)-t+[publish below TOPIC (default mqtk-check/ and 12 random characters)]:TOPIC: ' \
        '(-t --topic)--topic=[publish below TOPIC (default mqtk-check/ and 12 random characters)]:TOPIC: ' \
        '(-I --id-prefix)-I+[begin client ids with PREFIX, of 10 characters at most (default mqtkcheck)]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[begin client ids with PREFIX, of 10 characters at most (default mqtkcheck)]:PREFIX: ' \
        '(-W --timeout)-W+[let everything together take TIME (default 10)]:TIME: ' \
        '(-W --timeout)--timeout=[let everything together take TIME (default 10)]:TIME: ' \
        '(-F --format)-F+[print FORMAT\: text, nagios, prometheus or json]:FORMAT:(text nagios prometheus json)' \
        '(-F --format)--format=[print FORMAT\: text, nagios, prometheus or json]:FORMAT:(text nagios prometheus json)' \
        '(--json)--json[the same as --format json]' \
        '(-h --host)-h+[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESS]:ADDRESS: ' \
        '(-A --bind)--bind=[connect from the local ADDRESS]:ADDRESS: ' \
        '(--retry)--retry=[try again at most N times, before anything else, if the broker is not there (default\: never)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--quiet)--quiet[print no warning, and no error but that of a command line that cannot be]' \
        '(-d --debug)-d[print each packet on stderr, behind the number of its connection]' \
        '(-d --debug)--debug[print each packet on stderr, behind the number of its connection]' \
        '(--help)--help[show help]' \
        '*:topic: '
}

_mqtk_inspect_retained_ls() {
    _arguments -s -S \
        '(-v --verbose)-v[print the payload behind the topic]' \
        '(-v --verbose)--verbose[print the payload behind the topic]' \
        '(--json)--json[print a JSON object for each message, as sub does]' \
        '(-h --host)-h+[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESS]:ADDRESS: ' \
        '(-A --bind)--bind=[connect from the local ADDRESS]:ADDRESS: ' \
        '(-W --timeout)-W+[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(-W --timeout)--timeout=[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(--retry)--retry=[try again at most N times, before the first connection too (default\: before it never; after it, see LOST CONNECTIONS in the man page)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--nodelay)--nodelay[accepted for mosquitto'\''s sake\: small packets are never delayed]' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(-i --id)-i+[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-i --id)--id=[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-I --id-prefix)-I+[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(--auth-method)--auth-method=[log in by the SASL mechanism NAME, with user name and password of the usual flags\: SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, EXTERNAL, PLAIN, CRAM-MD5, DIGEST-MD5 (MQTT 5.0)]:NAME:(SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5)' \
        '(--plain-without-tls)--plain-without-tls[let --auth-method PLAIN show the password to the network]' \
        '(-V --protocol-version)-V+[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-k --keep-alive --keepalive)-k+[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keep-alive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keepalive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-c --no-clean --disable-clean-session)-c[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--no-clean[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--disable-clean-session[keep the session of an earlier connection, and this one; needs --id]' \
        '(-x --session-expiry)-x+[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '(-x --session-expiry)--session-expiry=[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '*-D[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, disconnect, will]:PACKET NAME VALUE:(connect disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '*--property[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, disconnect, will]:PACKET NAME VALUE:(connect disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '(--will-topic)--will-topic=[leave a will on TOPIC]:TOPIC: ' \
        '(--will-payload)--will-payload=[let the will say MESSAGE]:MESSAGE: ' \
        '(--will-qos)--will-qos=[publish the will at QOS]:QOS:(0 1 2)' \
        '(--will-retain)--will-retain[let the broker retain the will]' \
        '(--will-delay)--will-delay=[let the broker wait TIME before it publishes the will]:TIME: ' \
        '*--will-user-property=[add the user property NAME=VALUE (repeatable), in the will]:NAME=VALUE: ' \
        '(--will-content-type)--will-content-type=[say that the payload is of TYPE, in the will]:TYPE:(application/json application/cbor application/octet-stream text/plain)' \
        '(--will-response-topic)--will-response-topic=[ask for a reply on TOPIC, in the will]:TOPIC: ' \
        '(--will-correlation-data)--will-correlation-data=[let a reply carry DATA, in the will]:DATA: ' \
        '(--will-message-expiry)--will-message-expiry=[let undelivered copies expire after TIME\: seconds or a duration, in the will]:TIME: ' \
        '(--will-payload-format)--will-payload-format=[say that the payload is FORMAT\: utf8 or bytes, in the will]:FORMAT:(utf8 bytes)' \
        '(-d --debug)-d[print each packet on stderr]' \
        '(-d --debug)--debug[print each packet on stderr]' \
        '(--quiet)--quiet[print no warning, and no error but that of a command line that cannot be]' \
        '(--help)--help[show help]' \
        '*:topic: '
}

_mqtk_inspect_retained_tree() {
    _arguments -s -S \
        '(--depth)--depth=[show N levels (default 100)]:N: ' \
        '(--json)--json[print one JSON object]' \
        '(-h --host)-h+[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESS]:ADDRESS: ' \
        '(-A --bind)--bind=[connect from the local ADDRESS]:ADDRESS: ' \
        '(-W --timeout)-W+[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(-W --timeout)--timeout=[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(--retry)--retry=[try again at most N times, before the first connection too (default\: before it never; after it, see LOST CONNECTIONS in the man page)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--nodelay)--nodelay[accepted for mosquitto'\''s sake\: small packets are never delayed]' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(-i --id)-i+[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-i --id)--id=[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-I --id-prefix)-I+[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(--auth-method)--auth-method=[log in by the SASL mechanism NAME, with user name and password of the usual flags\: SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, EXTERNAL, PLAIN, CRAM-MD5, DIGEST-MD5 (MQTT 5.0)]:NAME:(SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5)' \
        '(--plain-without-tls)--plain-without-tls[let --auth-method PLAIN show the password to the network]' \
        '(-V --protocol-version)-V+[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-k --keep-alive --keepalive)-k+[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keep-alive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keepalive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-c --no-clean --disable-clean-session)-c[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--no-clean[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--disable-clean-session[keep the session of an earlier connection, and this one; needs --id]' \
        '(-x --session-expiry)-x+[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '(-x --session-expiry)--session-expiry=[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '*-D[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, disconnect, will]:PACKET NAME VALUE:(connect disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '*--property[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, disconnect, will]:PACKET NAME VALUE:(connect disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '(--will-topic)--will-topic=[leave a will on TOPIC]:TOPIC: ' \
        '(--will-payload)--will-payload=[let the will say MESSAGE]:MESSAGE: ' \
        '(--will-qos)--will-qos=[publish the will at QOS]:QOS:(0 1 2)' \
        '(--will-retain)--will-retain[let the broker retain the will]' \
        '(--will-delay)--will-delay=[let the broker wait TIME before it publishes the will]:TIME: ' \
        '*--will-user-property=[add the user property NAME=VALUE (repeatable), in the will]:NAME=VALUE: ' \
        '(--will-content-type)--will-content-type=[say that the payload is of TYPE, in the will]:TYPE:(application/json application/cbor application/octet-stream text/plain)' \
        '(--will-response-topic)--will-response-topic=[ask for a reply on TOPIC, in the will]:TOPIC: ' \
        '(--will-correlation-data)--will-correlation-data=[let a reply carry DATA, in the will]:DATA: ' \
        '(--will-message-expiry)--will-message-expiry=[let undelivered copies expire after TIME\: seconds or a duration, in the will]:TIME: ' \
        '(--will-payload-format)--will-payload-format=[say that the payload is FORMAT\: utf8 or bytes, in the will]:FORMAT:(utf8 bytes)' \
        '(-d --debug)-d[print each packet on stderr]' \
        '(-d --debug)--debug[print each packet on stderr]' \
        '(--quiet)--quiet[print no warning, and no error but that of a command line that cannot be]' \
        '(--help)--help[show help]' \
        '*:topic: '
}

_mqtk_inspect_retained_export() {
    _arguments -s -S \
        '(--out)--out=[write to FILE, which is there when all of it is (default stdout)]:FILE:_files' \
        '(-h --host)-h+[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESS]:ADDRESS: ' \
        '(-A --bind)--bind=[connect from the local ADDRESS]:ADDRESS: ' \
        '(-W --timeout)-W+[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(-W --timeout)--timeout=[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(--retry)--retry=[try again at most N times, before the first connection too (default\: before it never; after it, see LOST CONNECTIONS in the man page)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--nodelay)--nodelay[accepted for mosquitto'\''s sake\: small packets are never delayed]' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(-i --id)-i+[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-i --id)--id=[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-I --id-prefix)-I+[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(--auth-method)--auth-method=[log in by the SASL mechanism NAME, with user name and password of the usual flags\: SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, EXTERNAL, PLAIN, CRAM-MD5, DIGEST-MD5 (MQTT 5.0)]:NAME:(SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5)' \
        '(--plain-without-tls)--plain-without-tls[let --auth-method PLAIN show the password to the network]' \
        '(-V --protocol-version)-V+[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-k --keep-alive --keepalive)-k+[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keep-alive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keepalive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-c --no-clean --disable-clean-session)-c[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--no-clean[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--disable-clean-session[keep the session of an earlier connection, and this one; needs --id]' \
        '(-x --session-expiry)-x+[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '(-x --session-expiry)--session-expiry=[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '*-D[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, disconnect, will]:PACKET NAME VALUE:(connect disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '*--property[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, disconnect, will]:PACKET NAME VALUE:(connect disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '(--will-topic)--will-topic=[leave a will on TOPIC]:TOPIC: ' \
        '(--will-payload)--will-payload=[let the will say MESSAGE]:MESSAGE: ' \
        '(--will-qos)--will-qos=[publish the will at QOS]:QOS:(0 1 2)' \
        '(--will-retain)--will-retain[let the broker retain the will]' \
        '(--will-delay)--will-delay=[let the broker wait TIME before it publishes the will]:TIME: ' \
        '*--will-user-property=[add the user property NAME=VALUE (repeatable), in the will]:NAME=VALUE: ' \
        '(--will-content-type)--will-content-type=[say that the payload is of TYPE, in the will]:TYPE:(application/json application/cbor application/octet-stream text/plain)' \
        '(--will-response-topic)--will-response-topic=[ask for a reply on TOPIC, in the will]:TOPIC: ' \
        '(--will-correlation-data)--will-correlation-data=[let a reply carry DATA, in the will]:DATA: ' \
        '(--will-message-expiry)--will-message-expiry=[let undelivered copies expire after TIME\: seconds or a duration, in the will]:TIME: ' \
        '(--will-payload-format)--will-payload-format=[say that the payload is FORMAT\: utf8 or bytes, in the will]:FORMAT:(utf8 bytes)' \
        '(-d --debug)-d[print each packet on stderr]' \
        '(-d --debug)--debug[print each packet on stderr]' \
        '(--quiet)--quiet[print no warning, and no error but that of a command line that cannot be]' \
        '(--help)--help[show help]' \
        '*:topic: '
}

_mqtk_inspect_retained_import() {
    _arguments -s -S \
        '(--dry-run)--dry-run[publish nothing, and say what would be]' \
        '(--json)--json[print a JSON object for each message]' \
        '(-h --host)-h+[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESS]:ADDRESS: ' \
        '(-A --bind)--bind=[connect from the local ADDRESS]:ADDRESS: ' \
        '(-W --timeout)-W+[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(-W --timeout)--timeout=[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(--retry)--retry=[try again at most N times, before the first connection too (default\: before it never; after it, see LOST CONNECTIONS in the man page)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--nodelay)--nodelay[accepted for mosquitto'\''s sake\: small packets are never delayed]' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(-i --id)-i+[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-i --id)--id=[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-I --id-prefix)-I+[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(--auth-method)--auth-method=[log in by the SASL mechanism NAME, with user name and password of the usual flags\: SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, EXTERNAL, PLAIN, CRAM-MD5, DIGEST-MD5 (MQTT 5.0)]:NAME:(SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5)' \
        '(--plain-without-tls)--plain-without-tls[let --auth-method PLAIN show the password to the network]' \
        '(-V --protocol-version)-V+[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-k --keep-alive --keepalive)-k+[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keep-alive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keepalive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-c --no-clean --disable-clean-session)-c[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--no-clean[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--disable-clean-session[keep the session of an earlier connection, and this one; needs --id]' \
        '(-x --session-expiry)-x+[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '(-x --session-expiry)--session-expiry=[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '*-D[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, disconnect, will]:PACKET NAME VALUE:(connect disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '*--property[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, disconnect, will]:PACKET NAME VALUE:(connect disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '(--will-topic)--will-topic=[leave a will on TOPIC]:TOPIC: ' \
        '(--will-payload)--will-payload=[let the will say MESSAGE]:MESSAGE: ' \
        '(--will-qos)--will-qos=[publish the will at QOS]:QOS:(0 1 2)' \
        '(--will-retain)--will-retain[let the broker retain the will]' \
        '(--will-delay)--will-delay=[let the broker wait TIME before it publishes the will]:TIME: ' \
        '*--will-user-property=[add the user property NAME=VALUE (repeatable), in the will]:NAME=VALUE: ' \
        '(--will-content-type)--will-content-type=[say that the payload is of TYPE, in the will]:TYPE:(application/json application/cbor application/octet-stream text/plain)' \
        '(--will-response-topic)--will-response-topic=[ask for a reply on TOPIC, in the will]:TOPIC: ' \
        '(--will-correlation-data)--will-correlation-data=[let a reply carry DATA, in the will]:DATA: ' \
        '(--will-message-expiry)--will-message-expiry=[let undelivered copies expire after TIME\: seconds or a duration, in the will]:TIME: ' \
        '(--will-payload-format)--will-payload-format=[say that the payload is FORMAT\: utf8 or bytes, in the will]:FORMAT:(utf8 bytes)' \
        '(-d --debug)-d[print each packet on stderr]' \
        '(-d --debug)--debug[print each packet on stderr]' \
        '(--quiet)--quiet[print no warning, and no error but that of a command line that cannot be]' \
        '(--help)--help[show help]' \
        '*:path:_files'
}

_mqtk_inspect_retained_clear() {
    _arguments -s -S \
        '(--dry-run)--dry-run[remove nothing, and say what would go]' \
        '(--json)--json[print a JSON object for each message]' \
        '(-h --host)-h+[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESS]:ADDRESS: ' \
        '(-A --bind)--bind=[connect from the local ADDRESS]:ADDRESS: ' \
        '(-W --timeout)-W+[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(-W --timeout)--timeout=[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(--retry)--retry=[try again at most N times, before the first connection too (default\: before it never; after it, see LOST CONNECTIONS in the man page)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--nodelay)--nodelay[accepted for mosquitto'\''s sake\: small packets are never delayed]' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(-i --id)-i+[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-i --id)--id=[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-I --id-prefix)-I+[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(--auth-method)--auth-method=[log in by the SASL mechanism NAME, with user name and password of the usual flags\: SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, EXTERNAL, PLAIN, CRAM-MD5, DIGEST-MD5 (MQTT 5.0)]:NAME:(SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5)' \
        '(--plain-without-tls)--plain-without-tls[let --auth-method PLAIN show the password to the network]' \
        '(-V --protocol-version)-V+[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-k --keep-alive --keepalive)-k+[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keep-alive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keepalive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-c --no-clean --disable-clean-session)-c[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--no-clean[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--disable-clean-session[keep the session of an earlier connection, and this one; needs --id]' \
        '(-x --session-expiry)-x+[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '(-x --session-expiry)--session-expiry=[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '*-D[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, disconnect, will]:PACKET NAME VALUE:(connect disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '*--property[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, disconnect, will]:PACKET NAME VALUE:(connect disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '(--will-topic)--will-topic=[leave a will on TOPIC]:TOPIC: ' \
        '(--will-payload)--will-payload=[let the will say MESSAGE]:MESSAGE: ' \
        '(--will-qos)--will-qos=[publish the will at QOS]:QOS:(0 1 2)' \
        '(--will-retain)--will-retain[let the broker retain the will]' \
        '(--will-delay)--will-delay=[let the broker wait TIME before it publishes the will]:TIME: ' \
        '*--will-user-property=[add the user property NAME=VALUE (repeatable), in the will]:NAME=VALUE: ' \
        '(--will-content-type)--will-content-type=[say that the payload is of TYPE, in the will]:TYPE:(application/json application/cbor application/octet-stream text/plain)' \
        '(--will-response-topic)--will-response-topic=[ask for a reply on TOPIC, in the will]:TOPIC: ' \
        '(--will-correlation-data)--will-correlation-data=[let a reply carry DATA, in the will]:DATA: ' \
        '(--will-message-expiry)--will-message-expiry=[let undelivered copies expire after TIME\: seconds or a duration, in the will]:TIME: ' \
        '(--will-payload-format)--will-payload-format=[say that the payload is FORMAT\: utf8 or bytes, in the will]:FORMAT:(utf8 bytes)' \
        '(-d --debug)-d[print each packet on stderr]' \
        '(-d --debug)--debug[print each packet on stderr]' \
        '(--quiet)--quiet[print no warning, and no error but that of a command line that cannot be]' \
        '(--help)--help[show help]' \
        '*:topic: '
}

_mqtk_inspect_retained_diff() {
    _arguments -s -S \
        '(--json)--json[print a JSON object for each difference]' \
        '(-h --host)-h+[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESS]:ADDRESS: ' \
        '(-A --bind)--bind=[connect from the local ADDRESS]:ADDRESS: ' \
        '(-W --timeout)-W+[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(-W --timeout)--timeout=[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(--retry)--retry=[try again at most N times, before the first connection too (default\: before it never; after it, see LOST CONNECTIONS in the man page)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--nodelay)--nodelay[accepted for mosquitto'\''s sake\: small packets are never delayed]' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(-i --id)-i+[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-i --id)--id=[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-I --id-prefix)-I+[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(--auth-method)--auth-method=[log in by the SASL mechanism NAME, with user name and password of the usual flags\: SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, EXTERNAL, PLAIN, CRAM-MD5, DIGEST-MD5 (MQTT 5.0)]:NAME:(SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5)' \
        '(--plain-without-tls)--plain-without-tls[let --auth-method PLAIN show the password to the network]' \
        '(-V --protocol-version)-V+[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-k --keep-alive --keepalive)-k+[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keep-alive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keepalive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-c --no-clean --disable-clean-session)-c[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--no-clean[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--disable-clean-session[keep the session of an earlier connection, and this one; needs --id]' \
        '(-x --session-expiry)-x+[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '(-x --session-expiry)--session-expiry=[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '*-D[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, disconnect, will]:PACKET NAME VALUE:(connect disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '*--property[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, disconnect, will]:PACKET NAME VALUE:(connect disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '(--will-topic)--will-topic=[leave a will on TOPIC]:TOPIC: ' \
        '(--will-payload)--will-payload=[let the will say MESSAGE]:MESSAGE: ' \
        '(--will-qos)--will-qos=[publish the will at QOS]:QOS:(0 1 2)' \
        '(--will-retain)--will-retain[let the broker retain the will]' \
        '(--will-delay)--will-delay=[let the broker wait TIME before it publishes the will]:TIME: ' \
        '*--will-user-property=[add the user property NAME=VALUE (repeatable), in the will]:NAME=VALUE: ' \
        '(--will-content-type)--will-content-type=[say that the payload is of TYPE, in the will]:TYPE:(application/json application/cbor application/octet-stream text/plain)' \
        '(--will-response-topic)--will-response-topic=[ask for a reply on TOPIC, in the will]:TOPIC: ' \
        '(--will-correlation-data)--will-correlation-data=[let a reply carry DATA, in the will]:DATA: ' \
        '(--will-message-expiry)--will-message-expiry=[let undelivered copies expire after TIME\: seconds or a duration, in the will]:TIME: ' \
        '(--will-payload-format)--will-payload-format=[say that the payload is FORMAT\: utf8 or bytes, in the will]:FORMAT:(utf8 bytes)' \
        '(-d --debug)-d[print each packet on stderr]' \
        '(-d --debug)--debug[print each packet on stderr]' \
        '(--quiet)--quiet[print no warning, and no error but that of a command line that cannot be]' \
        '(--help)--help[show help]' \
        '*:path:_files'
}

_mqtk_inspect_retained() {
    local sub=$words[2]
    if (( CURRENT > 2 && $+functions[_mqtk_inspect_retained_$sub] )); then
        shift words
        (( CURRENT-- ))
        _mqtk_inspect_retained_$sub
        return
    fi
    _arguments -s -S \
        '(--help)--help[show help]' \
        '*: :(ls tree export import clear diff)'
}

_mqtk_inspect_top() {
    _arguments -s -S \
        '(--interval)--interval=[bring the table up to date every TIME (default 1)]:TIME: ' \
        '(-n --count)-n+[end after N tables (default\: never on a terminal, else 1)]:N: ' \
        '(-n --count)--count=[end after N tables (default\: never on a terminal, else 1)]:N: ' \
        '(--json)--json[print a JSON object for each table, with each topic below $SYS and what is known of its rate]' \
        '(-h --host)-h+[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESS]:ADDRESS: ' \
        '(-A --bind)--bind=[connect from the local ADDRESS]:ADDRESS: ' \
        '(-W --timeout)-W+[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(-W --timeout)--timeout=[end after TIME (5, 0.5, 250ms) with code 27]:TIME: ' \
        '(--retry)--retry=[try again at most N times, before the first connection too (default\: before it never; after it, see LOST CONNECTIONS in the man page)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--nodelay)--nodelay[accepted for mosquitto'\''s sake\: small packets are never delayed]' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(-i --id)-i+[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-i --id)--id=[use the client id ID (default mqtk- and 12 random characters)]:ID: ' \
        '(-I --id-prefix)-I+[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(-I --id-prefix)--id-prefix=[use a client id of PREFIX and 12 random characters]:PREFIX: ' \
        '(--auth-method)--auth-method=[log in by the SASL mechanism NAME, with user name and password of the usual flags\: SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, EXTERNAL, PLAIN, CRAM-MD5, DIGEST-MD5 (MQTT 5.0)]:NAME:(SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5)' \
        '(--plain-without-tls)--plain-without-tls[let --auth-method PLAIN show the password to the network]' \
        '(-V --protocol-version)-V+[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-k --keep-alive --keepalive)-k+[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keep-alive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-k --keep-alive --keepalive)--keepalive=[let the broker notice our absence after SECONDS (default 60, 0 is never)]:SECONDS: ' \
        '(-c --no-clean --disable-clean-session)-c[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--no-clean[keep the session of an earlier connection, and this one; needs --id]' \
        '(-c --no-clean --disable-clean-session)--disable-clean-session[keep the session of an earlier connection, and this one; needs --id]' \
        '(-x --session-expiry)-x+[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '(-x --session-expiry)--session-expiry=[let the session end TIME after the connection\: seconds, a duration or inf]:TIME:(inf)' \
        '*-D[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, disconnect, will]:PACKET NAME VALUE:(connect disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '*--property[set a property\: PACKET NAME VALUE, with two values for user-property; PACKET is one of connect, disconnect, will]:PACKET NAME VALUE:(connect disconnect will):PACKET NAME VALUE:(authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval):value: ' \
        '(--will-topic)--will-topic=[leave a will on TOPIC]:TOPIC: ' \
        '(--will-payload)--will-payload=[let the will say MESSAGE]:MESSAGE: ' \
        '(--will-qos)--will-qos=[publish the will at QOS]:QOS:(0 1 2)' \
        '(--will-retain)--will-retain[let the broker retain the will]' \
        '(--will-delay)--will-delay=[let the broker wait TIME before it publishes the will]:TIME: ' \
        '*--will-user-property=[add the user property NAME=VALUE (repeatable), in the will]:NAME=VALUE: ' \
        '(--will-content-type)--will-content-type=[say that the payload is of TYPE, in the will]:TYPE:(application/json application/cbor application/octet-stream text/plain)' \
        '(--will-response-topic)--will-response-topic=[ask for a reply on TOPIC, in the will]:TOPIC: ' \
        '(--will-correlation-data)--will-correlation-data=[let a reply carry DATA, in the will]:DATA: ' \
        '(--will-message-expiry)--will-message-expiry=[let undelivered copies expire after TIME\: seconds or a duration, in the will]:TIME: ' \
        '(--will-payload-format)--will-payload-format=[say that the payload is FORMAT\: utf8 or bytes, in the will]:FORMAT:(utf8 bytes)' \
        '(-d --debug)-d[print each packet on stderr]' \
        '(-d --debug)--debug[print each packet on stderr]' \
        '(--quiet)--quiet[print no warning, and no error but that of a command line that cannot be]' \
        '(--help)--help[show help]' \
        '*:topic: '
}

_mqtk_inspect_fuzz() {
    _arguments -s -S \
        '(--broker)--broker=[start the broker that COMMAND runs, without a shell, in place of a URL]:COMMAND: ' \
        '(--time)--time=[begin new cases for TIME of playing, --shrink-time comes on top (default 60, unless --count says how many)]:TIME: ' \
        '(--count)--count=[end after N cases]:N: ' \
        '(--seed)--seed=[make up the cases that the seed N stands for (default\: others each time, with a seed that is printed)]:N: ' \
        '(--case)--case=[play only the case N of the seed]:N: ' \
        '(-V --protocol-version)-V+[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and 311 by turns as far as the broker speaks them (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(-V --protocol-version)--protocol-version=[speak MQTT VERSION\: 5, 311, 31 or auto, which is 5 and 311 by turns as far as the broker speaks them (default auto)]:VERSION:(auto 5 311 31 mqttv5 mqttv311 mqttv31)' \
        '(--dry-run)--dry-run[print the cases as scripts, and play nothing]' \
        '(--patience)--patience=[wait TIME for what must come before its absence is a finding (default 5)]:TIME: ' \
        '(--shrink-time)--shrink-time=[make one finding smaller for at most TIME (default 30)]:TIME: ' \
        '(--allow-remote)--allow-remote[play against a broker that is not on this machine]' \
        '(-h --host)-h+[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-h --host)--host=[connect to HOST (default localhost)]:HOST:(localhost)' \
        '(-p --port)-p+[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-p --port)--port=[connect to PORT (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)]:PORT: ' \
        '(-L --url)-L+[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(-L --url)--url=[connect to URL\: mqtt\://\[USER\[\:PASSWORD\]@\]HOST\[\:PORT\]\[/TOPIC\], mqtts\:// with TLS, ws\:// and wss\:// with the WebSocket path behind the port (default /mqtt), or unix\:///PATH]:URL:(mqtt\:// mqtts\:// ws\:// wss\:// unix\:///)' \
        '(--unix)--unix=[connect to the Unix socket PATH]:PATH:_files' \
        '(--context)--context=[let NAME of the contexts file say what no flag does\: see CONTEXTS in the man page; empty\: none, whatever MQTK_CONTEXT says]:NAME:{compadd -- ${(f)"$(mqtk __complete contexts 2>/dev/null)"}}' \
        '(-o --options-file)-o+[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-o --options-file)--options-file=[read flags from FILE, one a line, as mosquitto'\''s clients do; flags on the command line win]:FILE:_files' \
        '(-A --bind)-A+[connect from the local ADDRESS]:ADDRESS: ' \
        '(-A --bind)--bind=[connect from the local ADDRESS]:ADDRESS: ' \
        '(--retry)--retry=[try again at most N times, before anything else, if the broker is not there (default\: never)]:N: ' \
        '(--retry-wait)--retry-wait=[wait TIME before the first retry, then twice as long each time, up to 30 s (default 1)]:TIME: ' \
        '(--wait-broker)--wait-broker=[keep trying for TIME until the broker is there, each second, or each TIME of --retry-wait if that is longer]:TIME: ' \
        '(--proxy)--proxy=[connect through the proxy URL\: socks5\://, socks5h\:// (which looks up names itself) or http\://, each with \[USER\:PASSWORD@\]HOST\[\:PORT\]; empty\: none, whatever ALL_PROXY says]:URL:(socks5\:// socks5h\:// http\://)' \
        '(-S --srv)-S[take the host for a domain, and ask its SRV records where the broker is]' \
        '(-S --srv)--srv[take the host for a domain, and ask its SRV records where the broker is]' \
        '*--ws-header=[send the field NAME\:VALUE with a WebSocket upgrade (repeatable)]:NAME\:VALUE: ' \
        '(--cafile)--cafile=[trust the authorities in FILE (PEM) in place of the system'\''s; turns TLS on]:FILE:_files' \
        '(--capath)--capath=[trust the authorities in the PEM files of DIR; turns TLS on]:DIR:_files -/' \
        '(--tls-use-os-certs)--tls-use-os-certs[trust the authorities of the system, too; turns TLS on]' \
        '(--cert)--cert=[show the broker the certificate in FILE (PEM)]:FILE:_files' \
        '(--key)--key=[with the key in FILE (PEM; default\: it is in that of --cert)]:FILE:_files' \
        '(--key-password-from)--key-password-from=[take the password of an encrypted key from SOURCE, as for --password-from]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--insecure)--insecure[do not look for the host'\''s name in the broker'\''s certificate, and, without --cafile and --capath, at nothing in it]' \
        '(--servername)--servername=[look for NAME in the broker'\''s certificate, and ask for it (SNI)]:NAME: ' \
        '(--tls-version)--tls-version=[speak TLS VERSION alone\: 1.2 or 1.3]:VERSION:(1.2 1.3)' \
        '(--ciphers)--ciphers=[offer the CIPHERS of TLS 1.2, by their names in Go, with commas between]:CIPHERS: ' \
        '(--alpn --tls-alpn)--alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--alpn --tls-alpn)--tls-alpn=[offer the PROTOCOLS, with commas between (default\: mqtt on port 443, else none)]:PROTOCOLS: ' \
        '(--tls-keylog)--tls-keylog=[add the secrets of the connection to FILE, for those who look into it with a sniffer]:FILE:_files' \
        '(-u --username)-u+[log in as NAME]:NAME: ' \
        '(-u --username)--username=[log in as NAME]:NAME: ' \
        '(-P --password --pw)-P+[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--password=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(-P --password --pw)--pw=[log in with PASSWORD, which ps shows to everyone on this machine]:PASSWORD: ' \
        '(--password-from)--password-from=[take the password from SOURCE\: env\:NAME, file\:PATH, fd\:N, cmd\:COMMAND or prompt]:SOURCE:(env\: file\: fd\: cmd\: prompt)' \
        '(--quiet)--quiet[print no warning, and no error but that of a command line that cannot be]' \
        '(--out)--out=[write what is found to mqtk-fuzz-SEED-CASE.mqtt in the directory DIR (default\: this one)]:DIR:_files -/' \
        '(--json)--json[print one JSON object]' \
        '(--help)--help[show help]' \
        '*:topic: '
}

_mqtk_inspect_journal() {
    _arguments -s -S \
        '(--segments)--segments[list the files]' \
        '(--stats)--stats[count what there is]' \
        '(--verify)--verify[check every frame; ends with 10 where there is damage]' \
        '(--salvage)--salvage=[write to OUT a directory of all that can be read, and say what was lost; ends with 9 if something was]:OUT:_files -/' \
        '(--client)--client=[those of the session of client ID, and messages that it published]:ID: ' \
        '(--topic)--topic=[those with a message that matches the topic filter FILTER]:FILTER: ' \
        '*--kind=[those of KIND\: enqueue, inflight, released, dequeue, held, forgotten, retain, subscribe, unsubscribe, session, session-end, will (repeatable)]:KIND:(enqueue inflight released dequeue held forgotten retain subscribe unsubscribe session session-end will)' \
        '(--live)--live[those that say what is true now]' \
        '(--json)--json[print a JSON object for each line]' \
        '(--help)--help[show help]' \
        '*:directory:_files -/'
}

_mqtk_inspect() {
    local sub=$words[2]
    if (( CURRENT > 2 && $+functions[_mqtk_inspect_$sub] )); then
        shift words
        (( CURRENT-- ))
        _mqtk_inspect_$sub
        return
    fi
    _arguments -s -S \
        '(--help)--help[show help]' \
        '*: :(decode pcap proxy probe audit send check retained top fuzz journal)'
}

_mqtk_completion() {
    _arguments -s -S \
        '(--help)--help[show help]' \
        '*: :(bash zsh fish)'
}

_mqtk_help() {
    if [[ $PREFIX != -* ]]; then
        case $words[CURRENT-1] in
        serve) compadd -- acl passwd import configuration listeners locks storage behaviour reporting rules limits authentication access tls reload systemd durable durability kept fails directory topics environment examples; return ;;
        acl) compadd -- explain lint; return ;;
        explain) compadd -- question rules output environment examples; return ;;
        lint) compadd -- rules output environment examples; return ;;
        pub) compadd -- message messages recordings payload properties reply connection tls identity session will reporting lines progress topics grants templates contexts examples; return ;;
        sub) compadd -- subscription end reply output judgement connection tls identity session will reporting views files commands compression conditions expectations streams format json contexts examples; return ;;
        bench) compadd -- pub sub conn compare crash load judgement broker connection tls identity session will reporting shapes measured proven limit side objectives json ends contexts examples; return ;;
        conn) compadd -- load judgement broker connection tls identity session will reporting shapes limit objectives json ends contexts examples; return ;;
        compare) compadd -- judgement reporting verdicts examples; return ;;
        crash) compadd -- test load connection reporting tested json examples; return ;;
        inspect) compadd -- decode pcap proxy probe audit send check retained top fuzz journal; return ;;
        decode) compadd -- bytes output form examples; return ;;
        pcap) compadd -- read sessions output findings show json form examples; return ;;
        proxy) compadd -- listening faults output end connection tls reporting json form contexts examples; return ;;
        probe) compadd -- ask output connection tls identity reporting json contexts examples; return ;;
        audit) compadd -- to output connection tls identity reporting contexts examples; return ;;
        send) compadd -- play output connection tls identity reporting scripts json form examples; return ;;
        check) compadd -- check output connection tls identity reporting contexts examples; return ;;
        retained) compadd -- ls tree export import clear diff; return ;;
        ls) compadd -- do connection tls identity session will reporting contexts examples; return ;;
        tree) compadd -- do connection tls identity session will reporting contexts examples; return ;;
        export) compadd -- do connection tls identity session will reporting contexts examples; return ;;
        import) compadd -- do connection tls identity session will reporting contexts examples; return ;;
        clear) compadd -- do connection tls identity session will reporting contexts examples; return ;;
        diff) compadd -- do connection tls identity session will reporting contexts examples; return ;;
        top) compadd -- do connection tls identity session will reporting contexts examples; return ;;
        fuzz) compadd -- play connection tls identity reporting output findings left examples; return ;;
        journal) compadd -- do records output examples; return ;;
        esac
    fi
    _arguments -s -S \
        '(--all)--all[show all flags and exit codes, not what fits on a screen]' \
        '(--man)--man[print the man page (roff)]' \
        '(--schema)--schema[print the JSON Schema (2020-12) of the lines of sub --json\: mqtk help --schema sub]' \
        '(--help)--help[show help]' \
        '*: :(serve pub sub bench inspect completion help version)'
}

_mqtk_version() {
    _arguments -s -S \
        '(--json)--json[as a JSON object]' \
        '(--help)--help[show help]' \
        '*:topic: '
}

_mqtk() {
    if (( CURRENT == 2 )); then
        local -a verbs=(
            'serve:run a broker'
            'pub:publish messages'
            'sub:subscribe and print the messages that come'
            'bench:put a broker to the test\: throughput, latency, loss, connections, crashes'
            'inspect:see and judge MQTT on the wire, and what a broker keeps'
            'completion:print the completion script for bash, zsh or fish'
            'help:show the help of a command, a part of it, or its man page'
            'version:print the version'
        )
        _describe -t commands 'mqtk command' verbs
        return
    fi
    local dashes=${words[(i)--]}
    if (( dashes < CURRENT )); then
        shift dashes words
        (( CURRENT -= dashes ))
        _normal
        return
    fi
    local verb=$words[2]
    shift words
    (( CURRENT-- ))
    (( $+functions[_mqtk_$verb] )) && _mqtk_$verb
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _mqtk "$@"
else
    compdef _mqtk mqtk
fi
