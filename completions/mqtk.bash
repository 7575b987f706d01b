# bash completion for mqtk, rendered from its declarations: do not edit

_mqtk_words() {
    COMPREPLY=($(compgen -W "$1" -- "$cur"))
    case ${COMPREPLY[0]-} in
    *[=:/]) compopt -o nospace 2>/dev/null ;;
    esac
}
_mqtk_files() {
    compopt -o filenames 2>/dev/null
    local IFS=$'\n'
    COMPREPLY=($(compgen -f -- "$cur"))
}
_mqtk_directories() {
    compopt -o filenames 2>/dev/null
    local IFS=$'\n'
    COMPREPLY=($(compgen -d -- "$cur"))
}

_mqtk_serve_acl_explain() {
    case $prev in
    --user) return ;;
    --client) return ;;
    --address) return ;;
    --action) _mqtk_words 'publish subscribe'; return ;;
    --acl) _mqtk_files; return ;;
    -c|--config) _mqtk_files; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--user --client --address --action --acl -c --config --json --help'
    fi
}

_mqtk_serve_acl_lint() {
    case $prev in
    --acl) _mqtk_files; return ;;
    -c|--config) _mqtk_files; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--acl -c --config --json --help'
    fi
}

_mqtk_serve_acl() {
    if [[ $COMP_CWORD -gt 3 ]]; then
        case ${COMP_WORDS[3]} in
        explain) _mqtk_serve_acl_explain; return ;;
        lint) _mqtk_serve_acl_lint; return ;;
        esac
    fi
    if [[ $cur == -* ]]; then
        _mqtk_words '--help'
    else
        _mqtk_words 'explain lint'
    fi
}

_mqtk_serve_passwd() {
    case $prev in
    -I|--iterations) return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-D --delete -b --batch -c --create -U --update -I --iterations --help'
    else
        _mqtk_files
    fi
}

_mqtk_serve_import() {
    case $prev in
    -o|--output) _mqtk_files; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-o --output --help'
    else
        _mqtk_files
    fi
}

_mqtk_serve() {
    if [[ $COMP_CWORD -gt 2 ]]; then
        case ${COMP_WORDS[2]} in
        acl) _mqtk_serve_acl; return ;;
        passwd) _mqtk_serve_passwd; return ;;
        import) _mqtk_serve_import; return ;;
        esac
    fi
    case $prev in
    -c|--config) _mqtk_files; return ;;
    --set) _mqtk_words 'data= durability= commit_delay= driver= log_level= log_format= drain= allow_anonymous= auth.file.passwords= auth.sql.driver= auth.sql.dsn= auth.sql.user_table= auth.sql.acl_table= auth.sql.hash= auth.sql.salt= auth.sql.digest= auth.sql.iterations= auth.sql.columns.username= auth.sql.columns.password= auth.sql.columns.salt= auth.sql.columns.is_superuser= auth.sql.columns.id= auth.sql.columns.allow= auth.sql.columns.ipaddr= auth.sql.columns.acl_username= auth.sql.columns.clientid= auth.sql.columns.access= auth.sql.columns.topic= auth.jwt.key= auth.jwt.jwks= auth.jwt.algorithms= auth.jwt.issuer= auth.jwt.audience= auth.jwt.username_claim= auth.sasl.mechanisms= auth.sasl.plain_without_tls= acl.file= acl.sql= acl.no_match= acl.deny_action= acl.on_error= acl.refresh= bans.users= bans.clients= bans.addresses= max_inflight= max_inflight_bytes= receive_maximum= max_queued_messages= max_queued_bytes= max_queued_disk_bytes= queue_full= queue_qos0= slow_receiver= max_outbox_bytes= max_packet_size= max_connect_packet_size= connect_timeout= handshake_timeout= max_keep_alive= max_session_expiry= session_expiry_3x= topic_alias_in= topic_alias_out= max_topic_levels= max_topic_length= max_client_id= max_filters= max_user_properties= max_subscriptions= max_connections= max_connections_per_user= max_connections_per_address= max_retained= max_retained_bytes= memory_limit= sys_interval= max_qos= retain_available= wildcard_available= shared_available= subscription_identifiers_available= allow_zero_length_clientid= auto_id_prefix= upgrade_outgoing_qos= strict_3_1= server_reference= response_information= check_payload_format= check_retain_source= max_message_rate= max_byte_rate= rate_exceeded= max_connection_rate= max_auth_failures='; return ;;
    --listen) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    -p|--port) return ;;
    --passwords) _mqtk_files; return ;;
    --acl) _mqtk_files; return ;;
    --data) _mqtk_directories; return ;;
    --durability) _mqtk_words 'fsync os none'; return ;;
    --commit-delay) return ;;
    --memory-limit) return ;;
    --driver) _mqtk_words 'auto eventloop goroutine'; return ;;
    --for) return ;;
    --drain) return ;;
    --ready-file) _mqtk_files; return ;;
    --ready-fd) return ;;
    --log-level) _mqtk_words 'debug info warn error'; return ;;
    --log-format) _mqtk_words 'text json'; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-c --config --set --check --print-config --listen -p --port --passwords --acl --allow-anonymous --data --durability --commit-delay --memory-limit --driver --for --drain --ready-file --ready-fd --log-level --log-format -v --verbose --help'
    else
        _mqtk_words 'acl passwd import'
    fi
}

_mqtk_pub() {
    case $before in
    -D|--property) _mqtk_words 'authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias topic-alias-maximum user-property will-delay-interval'; return ;;
    esac
    case $prev in
    -t|--topic) return ;;
    -m|--message) return ;;
    -f|--file) _mqtk_files; return ;;
    -q|--qos) _mqtk_words '0 1 2'; return ;;
    -M|--max-inflight) return ;;
    --user-property) return ;;
    --content-type) return ;;
    --response-topic) return ;;
    --correlation-data) return ;;
    --message-expiry) return ;;
    --payload-format) _mqtk_words 'utf8 bytes'; return ;;
    --topic-alias) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    -A|--bind) return ;;
    -W|--timeout) return ;;
    --retry) return ;;
    --retry-wait) return ;;
    --wait-broker) return ;;
    --proxy) _mqtk_words 'socks5:// socks5h:// http://'; return ;;
    --ws-header) return ;;
    --cafile) _mqtk_files; return ;;
    --capath) _mqtk_directories; return ;;
    --cert) _mqtk_files; return ;;
    --key) _mqtk_files; return ;;
    --key-password-from) _mqtk_words 'env: file: fd: cmd: prompt'; return ;;
    --servername) return ;;
    --tls-version) _mqtk_words '1.2 1.3'; return ;;
    --ciphers) return ;;
    --alpn|--tls-alpn) return ;;
    --tls-keylog) _mqtk_files; return ;;
    -u|--username) return ;;
    -P|--password|--pw) return ;;
    --password-from) _mqtk_words 'env: file: fd: cmd: prompt'; return ;;
    -i|--id) return ;;
    -I|--id-prefix) return ;;
    --auth-method) _mqtk_words 'SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5'; return ;;
    -V|--protocol-version) _mqtk_words 'auto 5 311 31 mqttv5 mqttv311 mqttv31'; return ;;
    -k|--keep-alive|--keepalive) return ;;
    -x|--session-expiry) return ;;
    -D|--property) _mqtk_words 'connect publish disconnect will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-t --topic -m --message -f --file -n --null-message -s --stdin-file -l --stdin-line -q --qos -r --retain -M --max-inflight --user-property --content-type --response-topic --correlation-data --message-expiry --payload-format --topic-alias -h --host -p --port -L --url --unix -A --bind -W --timeout --retry --retry-wait --wait-broker --nodelay --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive -c --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format -d --debug --quiet --help'
    fi
}

_mqtk_sub() {
    case $before in
    -D|--property) _mqtk_words 'authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval subscription-identifier topic-alias-maximum user-property will-delay-interval'; return ;;
    esac
    case $prev in
    -t|--topic) return ;;
    -q|--qos) _mqtk_words '0 1 2'; return ;;
    -U|--unsubscribe) return ;;
    -T|--filter-out) return ;;
    --retain-handling) _mqtk_words '0 1 2'; return ;;
    --sub-id) return ;;
    --user-property) return ;;
    -C|--count) return ;;
    -F|--format) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    -A|--bind) return ;;
    -W|--timeout) return ;;
    --retry) return ;;
    --retry-wait) return ;;
    --wait-broker) return ;;
    --proxy) _mqtk_words 'socks5:// socks5h:// http://'; return ;;
    --ws-header) return ;;
    --cafile) _mqtk_files; return ;;
    --capath) _mqtk_directories; return ;;
    --cert) _mqtk_files; return ;;
    --key) _mqtk_files; return ;;
    --key-password-from) _mqtk_words 'env: file: fd: cmd: prompt'; return ;;
    --servername) return ;;
    --tls-version) _mqtk_words '1.2 1.3'; return ;;
    --ciphers) return ;;
    --alpn|--tls-alpn) return ;;
    --tls-keylog) _mqtk_files; return ;;
    -u|--username) return ;;
    -P|--password|--pw) return ;;
    --password-from) _mqtk_words 'env: file: fd: cmd: prompt'; return ;;
    -i|--id) return ;;
    -I|--id-prefix) return ;;
    --auth-method) _mqtk_words 'SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5'; return ;;
    -V|--protocol-version) _mqtk_words 'auto 5 311 31 mqttv5 mqttv311 mqttv31'; return ;;
    -k|--keep-alive|--keepalive) return ;;
    -x|--session-expiry) return ;;
    -D|--property) _mqtk_words 'connect subscribe unsubscribe disconnect will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    --reauth-every) return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-t --topic -q --qos -U --unsubscribe -T --filter-out --no-local --retain-as-published --retain-handling --sub-id --user-property -C --count -E --exit-after-subscribe --retained-only -R --no-retained -v --verbose -F --format --json -w --watch -N --no-newline -h --host -p --port -L --url --unix -A --bind -W --timeout --retry --retry-wait --wait-broker --nodelay --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive -c --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format -d --debug --quiet --reauth-every --help'
    fi
}

_mqtk_bench_pub() {
    case $before in
    -D|--property) _mqtk_words 'authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias topic-alias-maximum user-property will-delay-interval'; return ;;
    esac
    case $prev in
    -c|--clients) return ;;
    --pubs) return ;;
    --topics) return ;;
    -t|--topic) return ;;
    -q|--qos) _mqtk_words '0 1 2'; return ;;
    -s|--size) return ;;
    -n|--messages) return ;;
    -z|--duration) return ;;
    --rate) return ;;
    --ramp) return ;;
    -R|--connect-rate) return ;;
    --warmup) return ;;
    -M|--window|--max-inflight) return ;;
    --patience) return ;;
    --workers) return ;;
    --expect) return ;;
    --repeat) return ;;
    --broker) return ;;
    --pid) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    -A|--bind) return ;;
    -W|--timeout) return ;;
    --retry) return ;;
    --retry-wait) return ;;
    --wait-broker) return ;;
    --proxy) _mqtk_words 'socks5:// socks5h:// http://'; return ;;
    --ws-header) return ;;
    --cafile) _mqtk_files; return ;;
    --capath) _mqtk_directories; return ;;
    --cert) _mqtk_files; return ;;
    --key) _mqtk_files; return ;;
    --key-password-from) _mqtk_words 'env: file: fd: cmd: prompt'; return ;;
    --servername) return ;;
    --tls-version) _mqtk_words '1.2 1.3'; return ;;
    --ciphers) return ;;
    --alpn|--tls-alpn) return ;;
    --tls-keylog) _mqtk_files; return ;;
    -u|--username) return ;;
    -P|--password|--pw) return ;;
    --password-from) _mqtk_words 'env: file: fd: cmd: prompt'; return ;;
    -i|--id) return ;;
    -I|--id-prefix) return ;;
    --auth-method) _mqtk_words 'SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5'; return ;;
    -V|--protocol-version) _mqtk_words 'auto 5 311 31 mqttv5 mqttv311 mqttv31'; return ;;
    -k|--keep-alive|--keepalive) return ;;
    -x|--session-expiry) return ;;
    -D|--property) _mqtk_words 'connect publish will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    --csv) _mqtk_files; return ;;
    --html) _mqtk_files; return ;;
    --series) _mqtk_files; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-c --clients --pubs --topics -t --topic -q --qos -s --size -n --messages -z --duration --rate --ramp -R --connect-rate --warmup -M --window --max-inflight -r --retain --patience --workers --expect --repeat --broker --pid -h --host -p --port -L --url --unix -A --bind -W --timeout --retry --retry-wait --wait-broker --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format --json --csv --html --series --quiet --help'
    fi
}

_mqtk_bench_sub() {
    case $before in
    -D|--property) _mqtk_words 'authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval'; return ;;
    esac
    case $prev in
    -c|--clients) return ;;
    --subs) return ;;
    --topics) return ;;
    -t|--topic) return ;;
    -q|--qos) _mqtk_words '0 1 2'; return ;;
    -n|--messages) return ;;
    -z|--duration) return ;;
    -R|--connect-rate) return ;;
    --warmup) return ;;
    --patience) return ;;
    --workers) return ;;
    --expect) return ;;
    --repeat) return ;;
    --pid) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    -A|--bind) return ;;
    -W|--timeout) return ;;
    --retry) return ;;
    --retry-wait) return ;;
    --wait-broker) return ;;
    --proxy) _mqtk_words 'socks5:// socks5h:// http://'; return ;;
    --ws-header) return ;;
    --cafile) _mqtk_files; return ;;
    --capath) _mqtk_directories; return ;;
    --cert) _mqtk_files; return ;;
    --key) _mqtk_files; return ;;
    --key-password-from) _mqtk_words 'env: file: fd: cmd: prompt'; return ;;
    --servername) return ;;
    --tls-version) _mqtk_words '1.2 1.3'; return ;;
    --ciphers) return ;;
    --alpn|--tls-alpn) return ;;
    --tls-keylog) _mqtk_files; return ;;
    -u|--username) return ;;
    -P|--password|--pw) return ;;
    --password-from) _mqtk_words 'env: file: fd: cmd: prompt'; return ;;
    -i|--id) return ;;
    -I|--id-prefix) return ;;
    --auth-method) _mqtk_words 'SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5'; return ;;
    -V|--protocol-version) _mqtk_words 'auto 5 311 31 mqttv5 mqttv311 mqttv31'; return ;;
    -k|--keep-alive|--keepalive) return ;;
    -x|--session-expiry) return ;;
    -D|--property) _mqtk_words 'connect will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    --csv) _mqtk_files; return ;;
    --html) _mqtk_files; return ;;
    --series) _mqtk_files; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-c --clients --subs --topics -t --topic -q --qos -n --messages -z --duration -R --connect-rate --warmup --patience --workers --expect --repeat --pid -h --host -p --port -L --url --unix -A --bind -W --timeout --retry --retry-wait --wait-broker --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format --json --csv --html --series --quiet --help'
    fi
}

_mqtk_bench_conn() {
    case $before in
    -D|--property) _mqtk_words 'authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval'; return ;;
    esac
    case $prev in
    --shape) _mqtk_words 'ramp churn storm'; return ;;
    -c|--clients) return ;;
    -z|--duration) return ;;
    -R|--connect-rate) return ;;
    --hold) return ;;
    --patience) return ;;
    --workers) return ;;
    --expect) return ;;
    --repeat) return ;;
    --broker) return ;;
    --pid) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    -A|--bind) return ;;
    -W|--timeout) return ;;
    --retry) return ;;
    --retry-wait) return ;;
    --wait-broker) return ;;
    --proxy) _mqtk_words 'socks5:// socks5h:// http://'; return ;;
    --ws-header) return ;;
    --cafile) _mqtk_files; return ;;
    --capath) _mqtk_directories; return ;;
    --cert) _mqtk_files; return ;;
    --key) _mqtk_files; return ;;
    --key-password-from) _mqtk_words 'env: file: fd: cmd: prompt'; return ;;
    --servername) return ;;
    --tls-version) _mqtk_words '1.2 1.3'; return ;;
    --ciphers) return ;;
    --alpn|--tls-alpn) return ;;
    --tls-keylog) _mqtk_files; return ;;
    -u|--username) return ;;
    -P|--password|--pw) return ;;
    --password-from) _mqtk_words 'env: file: fd: cmd: prompt'; return ;;
    -i|--id) return ;;
    -I|--id-prefix) return ;;
    --auth-method) _mqtk_words 'SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5'; return ;;
    -V|--protocol-version) _mqtk_words 'auto 5 311 31 mqttv5 mqttv311 mqttv31'; return ;;
    -k|--keep-alive|--keepalive) return ;;
    -x|--session-expiry) return ;;
    -D|--property) _mqtk_words 'connect will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    --csv) _mqtk_files; return ;;
    --html) _mqtk_files; return ;;
    --series) _mqtk_files; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--shape -c --clients -z --duration -R --connect-rate --hold --patience --workers --expect --repeat --broker --pid -h --host -p --port -L --url --unix -A --bind -W --timeout --retry --retry-wait --wait-broker --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format --json --csv --html --series --quiet --help'
    fi
}

_mqtk_bench_compare() {
    case $prev in
    --threshold) return ;;
    --figures) return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--threshold --figures --closed-latency --anyway --json --quiet --help'
    else
        _mqtk_files
    fi
}

_mqtk_bench_crash() {
    case $prev in
    --kills) return ;;
    --load-time) return ;;
    --patience) return ;;
    --seed) return ;;
    -c) return ;;
    --pubs) return ;;
    --subs) return ;;
    --share) return ;;
    --retained) return ;;
    --wills) return ;;
    --sessions) return ;;
    --rate) return ;;
    -s|--size) return ;;
    -M|--window|--max-inflight) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    -u|--username) return ;;
    -P|--password|--pw) return ;;
    --password-from) _mqtk_words 'env: file: fd: cmd: prompt'; return ;;
    -I|--id-prefix) return ;;
    -V|--protocol-version) _mqtk_words 'auto 5 311 31 mqttv5 mqttv311 mqttv31'; return ;;
    --broker-log) _mqtk_files; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--kills --load-time --patience --seed -c --pubs --subs --share --retained --wills --sessions --rate -s --size -M --window --max-inflight -h --host -p --port -L --url -u --username -P --password --pw --password-from -I --id-prefix -V --protocol-version --json --broker-log --keep-data --quiet --help'
    fi
}

_mqtk_bench() {
    if [[ $COMP_CWORD -gt 2 ]]; then
        case ${COMP_WORDS[2]} in
        pub) _mqtk_bench_pub; return ;;
        sub) _mqtk_bench_sub; return ;;
        conn) _mqtk_bench_conn; return ;;
        compare) _mqtk_bench_compare; return ;;
        crash) _mqtk_bench_crash; return ;;
        esac
    fi
    case $before in
    -D|--property) _mqtk_words 'authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias topic-alias-maximum user-property will-delay-interval'; return ;;
    esac
    case $prev in
    --shape) _mqtk_words 'pairs fan-in fan-out shared retained offline'; return ;;
    -c|--clients) return ;;
    --pubs) return ;;
    --subs) return ;;
    --topics) return ;;
    -t|--topic) return ;;
    -q|--qos) _mqtk_words '0 1 2'; return ;;
    -s|--size) return ;;
    -n|--messages) return ;;
    -z|--duration) return ;;
    --rate) return ;;
    --ramp) return ;;
    -R|--connect-rate) return ;;
    --warmup) return ;;
    -M|--window|--max-inflight) return ;;
    --outstanding) return ;;
    --patience) return ;;
    --workers) return ;;
    --expect) return ;;
    --slo) return ;;
    --repeat) return ;;
    --broker) return ;;
    --rows) return ;;
    --pid) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    -A|--bind) return ;;
    -W|--timeout) return ;;
    --retry) return ;;
    --retry-wait) return ;;
    --wait-broker) return ;;
    --proxy) _mqtk_words 'socks5:// socks5h:// http://'; return ;;
    --ws-header) return ;;
    --cafile) _mqtk_files; return ;;
    --capath) _mqtk_directories; return ;;
    --cert) _mqtk_files; return ;;
    --key) _mqtk_files; return ;;
    --key-password-from) _mqtk_words 'env: file: fd: cmd: prompt'; return ;;
    --servername) return ;;
    --tls-version) _mqtk_words '1.2 1.3'; return ;;
    --ciphers) return ;;
    --alpn|--tls-alpn) return ;;
    --tls-keylog) _mqtk_files; return ;;
    -u|--username) return ;;
    -P|--password|--pw) return ;;
    --password-from) _mqtk_words 'env: file: fd: cmd: prompt'; return ;;
    -i|--id) return ;;
    -I|--id-prefix) return ;;
    --auth-method) _mqtk_words 'SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1 EXTERNAL PLAIN CRAM-MD5 DIGEST-MD5'; return ;;
    -V|--protocol-version) _mqtk_words 'auto 5 311 31 mqttv5 mqttv311 mqttv31'; return ;;
    -k|--keep-alive|--keepalive) return ;;
    -x|--session-expiry) return ;;
    -D|--property) _mqtk_words 'connect publish will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    --csv) _mqtk_files; return ;;
    --html) _mqtk_files; return ;;
    --series) _mqtk_files; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--shape -c --clients --pubs --subs --topics -t --topic -q --qos -s --size -n --messages -z --duration --rate --ramp -R --connect-rate --warmup -M --window --max-inflight --outstanding -r --retain --patience --workers --expect --find-max --slo --repeat --broker --rows --pid -h --host -p --port -L --url --unix -A --bind -W --timeout --retry --retry-wait --wait-broker --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format --json --csv --html --series --quiet --help'
    else
        _mqtk_words 'pub sub conn compare crash'
    fi
}

_mqtk_inspect_journal() {
    case $prev in
    --salvage) _mqtk_directories; return ;;
    --client) return ;;
    --topic) return ;;
    --kind) _mqtk_words 'enqueue inflight released dequeue held forgotten retain subscribe unsubscribe session session-end will'; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--segments --stats --verify --salvage --client --topic --kind --live --json --help'
    else
        _mqtk_directories
    fi
}

_mqtk_inspect() {
    if [[ $COMP_CWORD -gt 2 ]]; then
        case ${COMP_WORDS[2]} in
        journal) _mqtk_inspect_journal; return ;;
        esac
    fi
    if [[ $cur == -* ]]; then
        _mqtk_words '--help'
    else
        _mqtk_words 'journal'
    fi
}

_mqtk_completion() {
    if [[ $cur == -* ]]; then
        _mqtk_words '--help'
    else
        _mqtk_words 'bash zsh fish'
    fi
}

_mqtk_help() {
    if [[ $cur == -* ]]; then
        _mqtk_words '--man --help'
    else
        case $prev in
        serve) _mqtk_words 'acl passwd import'; return ;;
        acl) _mqtk_words 'explain lint'; return ;;
        bench) _mqtk_words 'pub sub conn compare crash'; return ;;
        inspect) _mqtk_words 'journal'; return ;;
        esac
        _mqtk_words 'serve pub sub bench inspect completion help version'
    fi
}

_mqtk_version() {
    if [[ $cur == -* ]]; then
        _mqtk_words '--json --help'
    fi
}

_mqtk() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev before i
    COMPREPLY=()
    # bash splits --name=value into three words
    i=$COMP_CWORD
    if [[ $cur == '=' ]]; then
        cur=''
    elif [[ $i -gt 1 && ${COMP_WORDS[i-1]} == '=' ]]; then
        i=$((i - 1))
    fi
    prev=${COMP_WORDS[i-1]}
    before=''
    if [[ $i -gt 2 ]]; then before=${COMP_WORDS[i-2]}; fi
    if [[ $COMP_CWORD -le 1 ]]; then
        _mqtk_words 'serve pub sub bench inspect completion help version --help --version'
        return
    fi
    for ((i = 2; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then
            if [[ $i -eq $((COMP_CWORD - 1)) ]]; then
                COMPREPLY=($(compgen -c -- "$cur"))
            else
                _mqtk_files
            fi
            return
        fi
    done
    case ${COMP_WORDS[1]} in
    serve) _mqtk_serve ;;
    pub) _mqtk_pub ;;
    sub) _mqtk_sub ;;
    bench) _mqtk_bench ;;
    inspect) _mqtk_inspect ;;
    completion) _mqtk_completion ;;
    help) _mqtk_help ;;
    version) _mqtk_version ;;
    esac
}

complete -F _mqtk mqtk
