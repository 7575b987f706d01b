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
    --delim) return ;;
    --key-delim) return ;;
    --rewrite) return ;;
    --rate) return ;;
    --repeat) _mqtk_words 'inf'; return ;;
    --repeat-delay) return ;;
    -M|--max-inflight) return ;;
    --replay) _mqtk_files; return ;;
    --speed) _mqtk_words 'max'; return ;;
    --from) return ;;
    --to) return ;;
    --template) return ;;
    --decode) _mqtk_words 'hex base64'; return ;;
    --user-property) return ;;
    --content-type) _mqtk_words 'application/json application/cbor application/octet-stream text/plain'; return ;;
    -e|--response-topic) return ;;
    --correlation-data) return ;;
    --message-expiry) return ;;
    --payload-format) _mqtk_words 'utf8 bytes'; return ;;
    --topic-alias) return ;;
    --replies) return ;;
    --gather) return ;;
    -F|--format) _mqtk_words '%% %A %C %D %E %F %I %j %J %l %m %P %p %q %R %r %S %t %U %x %X'; return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
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
    -x|--session-expiry) _mqtk_words 'inf'; return ;;
    -D|--property) _mqtk_words 'connect publish disconnect will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) _mqtk_words 'application/json application/cbor application/octet-stream text/plain'; return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-t --topic -m --message -f --file -n --null-message -s --stdin-file -q --qos -r --retain --require-subscriber -l --stdin-line --delim -0 --delim-nul --key-delim --jsonl --rewrite --skip-bad --rate --repeat --repeat-delay -M --max-inflight --replay --speed --from --to --template --decode --gzip --user-property --content-type -e --response-topic --correlation-data --message-expiry --payload-format --topic-alias --request --replies --gather -v --verbose -F --format --json --pretty -N --no-newline -R --no-retained -h --host -p --port -L --url --unix --context -o --options-file -A --bind -W --timeout --retry --retry-wait --wait-broker --nodelay --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive -c --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format -d --debug --quiet --help'
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
    --retain-handling) _mqtk_words '0 1 2 always new never'; return ;;
    --sub-id) return ;;
    --user-property) return ;;
    --where) return ;;
    --grep) return ;;
    --random-filter) return ;;
    -C|--count) return ;;
    --idle) return ;;
    --reply) _mqtk_words 'echo text: exec:'; return ;;
    --response-topic) return ;;
    -F|--format) _mqtk_words '%% %A %C %D %E %F %I %j %J %l %m %P %p %q %R %r %S %t %U %x %X'; return ;;
    --expect) return ;;
    --seq) return ;;
    --report) _mqtk_words 'tap= junit='; return ;;
    --record) _mqtk_files; return ;;
    --out) _mqtk_files; return ;;
    --exec) return ;;
    --exec-jobs) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
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
    -x|--session-expiry) _mqtk_words 'inf'; return ;;
    -D|--property) _mqtk_words 'connect subscribe unsubscribe disconnect will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) _mqtk_words 'application/json application/cbor application/octet-stream text/plain'; return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    --reauth-every) return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-t --topic -q --qos -U --unsubscribe -T --filter-out --no-local --retain-as-published --retain-handling --sub-id --user-property --where --grep --random-filter -C --count -E --exit-after-subscribe --retained-only -R --no-retained --idle --until-retained-end --reply --response-topic -v --verbose -F --format --json -w --watch -N --no-newline --expect --seq --report --tree --pretty --gunzip --record --out --exec --exec-jobs --remove-retained --dry-run -h --host -p --port -L --url --unix --context -o --options-file -A --bind -W --timeout --retry --retry-wait --wait-broker --nodelay --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive -c --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format -d --debug --quiet --reauth-every --help'
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
    --repeat) _mqtk_words 'inf'; return ;;
    --broker) return ;;
    --pid) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
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
    -x|--session-expiry) _mqtk_words 'inf'; return ;;
    -D|--property) _mqtk_words 'connect publish will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) _mqtk_words 'application/json application/cbor application/octet-stream text/plain'; return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    --csv) _mqtk_files; return ;;
    --html) _mqtk_files; return ;;
    --series) _mqtk_files; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-c --clients --pubs --topics -t --topic -q --qos -s --size -n --messages -z --duration --rate --ramp -R --connect-rate --warmup -M --window --max-inflight -r --retain --patience --workers --expect --repeat --broker --pid -h --host -p --port -L --url --unix --context -o --options-file -A --bind -W --timeout --retry --retry-wait --wait-broker --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format --json --csv --html --series --quiet --help'
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
    --repeat) _mqtk_words 'inf'; return ;;
    --pid) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
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
    -x|--session-expiry) _mqtk_words 'inf'; return ;;
    -D|--property) _mqtk_words 'connect will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) _mqtk_words 'application/json application/cbor application/octet-stream text/plain'; return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    --csv) _mqtk_files; return ;;
    --html) _mqtk_files; return ;;
    --series) _mqtk_files; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-c --clients --subs --topics -t --topic -q --qos -n --messages -z --duration -R --connect-rate --warmup --patience --workers --expect --repeat --pid -h --host -p --port -L --url --unix --context -o --options-file -A --bind -W --timeout --retry --retry-wait --wait-broker --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format --json --csv --html --series --quiet --help'
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
    --repeat) _mqtk_words 'inf'; return ;;
    --broker) return ;;
    --pid) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
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
    -x|--session-expiry) _mqtk_words 'inf'; return ;;
    -D|--property) _mqtk_words 'connect will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) _mqtk_words 'application/json application/cbor application/octet-stream text/plain'; return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    --csv) _mqtk_files; return ;;
    --html) _mqtk_files; return ;;
    --series) _mqtk_files; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--shape -c --clients -z --duration -R --connect-rate --hold --patience --workers --expect --repeat --broker --pid -h --host -p --port -L --url --unix --context -o --options-file -A --bind -W --timeout --retry --retry-wait --wait-broker --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format --json --csv --html --series --quiet --help'
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
    --repeat) _mqtk_words 'inf'; return ;;
    --broker) return ;;
    --rows) return ;;
    --pid) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
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
    -x|--session-expiry) _mqtk_words 'inf'; return ;;
    -D|--property) _mqtk_words 'connect publish will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) _mqtk_words 'application/json application/cbor application/octet-stream text/plain'; return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    --csv) _mqtk_files; return ;;
    --html) _mqtk_files; return ;;
    --series) _mqtk_files; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--shape -c --clients --pubs --subs --topics -t --topic -q --qos -s --size -n --messages -z --duration --rate --ramp -R --connect-rate --warmup -M --window --max-inflight --outstanding -r --retain --patience --workers --expect --find-max --slo --repeat --broker --rows --pid -h --host -p --port -L --url --unix --context -o --options-file -A --bind -W --timeout --retry --retry-wait --wait-broker --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format --json --csv --html --series --quiet --help'
    else
        _mqtk_words 'pub sub conn compare crash'
    fi
}

_mqtk_inspect_decode() {
    case $prev in
    -V|--protocol-version) _mqtk_words 'auto 5 311 31 mqttv5 mqttv311 mqttv31'; return ;;
    --from) _mqtk_words 'client server'; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-V --protocol-version --from --raw --base64 --bytes --encode --json --help'
    else
        _mqtk_files
    fi
}

_mqtk_inspect_pcap() {
    case $prev in
    -i|--interface) return ;;
    --tls-keylog) _mqtk_files; return ;;
    -V|--protocol-version) _mqtk_words 'auto 5 311 31 mqttv5 mqttv311 mqttv31'; return ;;
    --client) return ;;
    --topic) return ;;
    --port) return ;;
    --pcapng) _mqtk_files; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-i --interface --tls-keylog -V --protocol-version --apart --client --topic --port --findings --packets --secrets --pcapng --json --help'
    else
        _mqtk_files
    fi
}

_mqtk_inspect_proxy() {
    case $prev in
    --listen) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --listen-cert) _mqtk_files; return ;;
    --listen-key) _mqtk_files; return ;;
    --fault) return ;;
    --seed) return ;;
    --record) _mqtk_files; return ;;
    --pcapng) _mqtk_files; return ;;
    --connections) return ;;
    -W|--timeout) return ;;
    --to) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
    -A|--bind) return ;;
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
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--listen --listen-cert --listen-key --fault --seed --allow-remote --record --pcapng --findings -v --verbose --json --connections -W --timeout --to -h --host -p --port -L --url --unix --context -o --options-file -A --bind --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog --quiet --help'
    fi
}

_mqtk_inspect_probe() {
    case $prev in
    -n|--rounds) return ;;
    --max-packet) return ;;
    -t|--topic) return ;;
    -I|--id-prefix) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
    -A|--bind) return ;;
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
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-n --rounds --max-packet -t --topic -I --id-prefix --json -h --host -p --port -L --url --unix --context -o --options-file -A --bind --retry --retry-wait --wait-broker --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from --quiet -d --debug --help'
    fi
}

_mqtk_inspect_audit() {
    case $prev in
    --only) return ;;
    --skip) return ;;
    --have) _mqtk_words 'users acl challenge anonymous quiet'; return ;;
    --scripts) _mqtk_directories; return ;;
    --junit) _mqtk_files; return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
    -A|--bind) return ;;
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
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--only --skip --have --all --json --scripts --junit -h --host -p --port -L --url --unix --context -o --options-file -A --bind --retry --retry-wait --wait-broker --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from --quiet -d --debug --help'
    fi
}

_mqtk_inspect_send() {
    case $prev in
    -f|--file) _mqtk_files; return ;;
    -V|--protocol-version) _mqtk_words 'auto 5 311 31 mqttv5 mqttv311 mqttv31'; return ;;
    --patience) return ;;
    --wait) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
    -A|--bind) return ;;
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
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-f --file -V --protocol-version --patience --wait --json -h --host -p --port -L --url --unix --context -o --options-file -A --bind --retry --retry-wait --wait-broker --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from --quiet --help'
    else
        _mqtk_files
    fi
}

_mqtk_inspect_check() {
    case $prev in
    --connect) return ;;
    --receive) return ;;
    --qos2) return ;;
    --tls-days) return ;;
    --retained-age) return ;;
    --age-from) _mqtk_files; return ;;
    -t|--topic) return ;;
    -I|--id-prefix) return ;;
    -W|--timeout) return ;;
    -F|--format) _mqtk_words 'text nagios prometheus json'; return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
    -A|--bind) return ;;
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
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--connect --receive --qos2 --tls-days --retained-age --age-from -t --topic -I --id-prefix -W --timeout -F --format --json -h --host -p --port -L --url --unix --context -o --options-file -A --bind --retry --retry-wait --wait-broker --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from --quiet -d --debug --help'
    fi
}

_mqtk_inspect_retained_ls() {
    case $before in
    -D|--property) _mqtk_words 'authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval'; return ;;
    esac
    case $prev in
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
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
    -x|--session-expiry) _mqtk_words 'inf'; return ;;
    -D|--property) _mqtk_words 'connect disconnect will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) _mqtk_words 'application/json application/cbor application/octet-stream text/plain'; return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '-v --verbose --json -h --host -p --port -L --url --unix --context -o --options-file -A --bind -W --timeout --retry --retry-wait --wait-broker --nodelay --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive -c --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format -d --debug --quiet --help'
    fi
}

_mqtk_inspect_retained_tree() {
    case $before in
    -D|--property) _mqtk_words 'authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval'; return ;;
    esac
    case $prev in
    --depth) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
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
    -x|--session-expiry) _mqtk_words 'inf'; return ;;
    -D|--property) _mqtk_words 'connect disconnect will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) _mqtk_words 'application/json application/cbor application/octet-stream text/plain'; return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--depth --json -h --host -p --port -L --url --unix --context -o --options-file -A --bind -W --timeout --retry --retry-wait --wait-broker --nodelay --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive -c --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format -d --debug --quiet --help'
    fi
}

_mqtk_inspect_retained_export() {
    case $before in
    -D|--property) _mqtk_words 'authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval'; return ;;
    esac
    case $prev in
    --out) _mqtk_files; return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
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
    -x|--session-expiry) _mqtk_words 'inf'; return ;;
    -D|--property) _mqtk_words 'connect disconnect will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) _mqtk_words 'application/json application/cbor application/octet-stream text/plain'; return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--out -h --host -p --port -L --url --unix --context -o --options-file -A --bind -W --timeout --retry --retry-wait --wait-broker --nodelay --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive -c --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format -d --debug --quiet --help'
    fi
}

_mqtk_inspect_retained_import() {
    case $before in
    -D|--property) _mqtk_words 'authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval'; return ;;
    esac
    case $prev in
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
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
    -x|--session-expiry) _mqtk_words 'inf'; return ;;
    -D|--property) _mqtk_words 'connect disconnect will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) _mqtk_words 'application/json application/cbor application/octet-stream text/plain'; return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--dry-run --json -h --host -p --port -L --url --unix --context -o --options-file -A --bind -W --timeout --retry --retry-wait --wait-broker --nodelay --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive -c --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format -d --debug --quiet --help'
    else
        _mqtk_files
    fi
}

_mqtk_inspect_retained_clear() {
    case $before in
    -D|--property) _mqtk_words 'authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval'; return ;;
    esac
    case $prev in
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
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
    -x|--session-expiry) _mqtk_words 'inf'; return ;;
    -D|--property) _mqtk_words 'connect disconnect will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) _mqtk_words 'application/json application/cbor application/octet-stream text/plain'; return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--dry-run --json -h --host -p --port -L --url --unix --context -o --options-file -A --bind -W --timeout --retry --retry-wait --wait-broker --nodelay --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive -c --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format -d --debug --quiet --help'
    fi
}

_mqtk_inspect_retained_diff() {
    case $before in
    -D|--property) _mqtk_words 'authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval'; return ;;
    esac
    case $prev in
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
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
    -x|--session-expiry) _mqtk_words 'inf'; return ;;
    -D|--property) _mqtk_words 'connect disconnect will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) _mqtk_words 'application/json application/cbor application/octet-stream text/plain'; return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--json -h --host -p --port -L --url --unix --context -o --options-file -A --bind -W --timeout --retry --retry-wait --wait-broker --nodelay --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive -c --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format -d --debug --quiet --help'
    else
        _mqtk_files
    fi
}

_mqtk_inspect_retained() {
    if [[ $COMP_CWORD -gt 3 ]]; then
        case ${COMP_WORDS[3]} in
        ls) _mqtk_inspect_retained_ls; return ;;
        tree) _mqtk_inspect_retained_tree; return ;;
        export) _mqtk_inspect_retained_export; return ;;
        import) _mqtk_inspect_retained_import; return ;;
        clear) _mqtk_inspect_retained_clear; return ;;
        diff) _mqtk_inspect_retained_diff; return ;;
        esac
    fi
    if [[ $cur == -* ]]; then
        _mqtk_words '--help'
    else
        _mqtk_words 'ls tree export import clear diff'
    fi
}

_mqtk_inspect_top() {
    case $before in
    -D|--property) _mqtk_words 'authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic session-expiry-interval topic-alias-maximum user-property will-delay-interval'; return ;;
    esac
    case $prev in
    --interval) return ;;
    -n|--count) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
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
    -x|--session-expiry) _mqtk_words 'inf'; return ;;
    -D|--property) _mqtk_words 'connect disconnect will'; return ;;
    --will-topic) return ;;
    --will-payload) return ;;
    --will-qos) _mqtk_words '0 1 2'; return ;;
    --will-delay) return ;;
    --will-user-property) return ;;
    --will-content-type) _mqtk_words 'application/json application/cbor application/octet-stream text/plain'; return ;;
    --will-response-topic) return ;;
    --will-correlation-data) return ;;
    --will-message-expiry) return ;;
    --will-payload-format) _mqtk_words 'utf8 bytes'; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--interval -n --count --json -h --host -p --port -L --url --unix --context -o --options-file -A --bind -W --timeout --retry --retry-wait --wait-broker --nodelay --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from -i --id -I --id-prefix --auth-method --plain-without-tls -V --protocol-version -k --keep-alive --keepalive -c --no-clean --disable-clean-session -x --session-expiry -D --property --will-topic --will-payload --will-qos --will-retain --will-delay --will-user-property --will-content-type --will-response-topic --will-correlation-data --will-message-expiry --will-payload-format -d --debug --quiet --help'
    fi
}

_mqtk_inspect_fuzz() {
    case $prev in
    --broker) return ;;
    --time) return ;;
    --count) return ;;
    --seed) return ;;
    --case) return ;;
    -V|--protocol-version) _mqtk_words 'auto 5 311 31 mqttv5 mqttv311 mqttv31'; return ;;
    --patience) return ;;
    --shrink-time) return ;;
    -h|--host) _mqtk_words 'localhost'; return ;;
    -p|--port) return ;;
    -L|--url) _mqtk_words 'mqtt:// mqtts:// ws:// wss:// unix:///'; return ;;
    --unix) _mqtk_files; return ;;
    --context) _mqtk_words "$(mqtk __complete contexts 2>/dev/null)"; return ;;
    -o|--options-file) _mqtk_files; return ;;
    -A|--bind) return ;;
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
    --out) _mqtk_directories; return ;;
    esac
    if [[ $cur == -* ]]; then
        _mqtk_words '--broker --time --count --seed --case -V --protocol-version --dry-run --patience --shrink-time --allow-remote -h --host -p --port -L --url --unix --context -o --options-file -A --bind --retry --retry-wait --wait-broker --proxy -S --srv --ws-header --cafile --capath --tls-use-os-certs --cert --key --key-password-from --insecure --servername --tls-version --ciphers --alpn --tls-alpn --tls-keylog -u --username -P --password --pw --password-from --quiet --out --json --help'
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
        decode) _mqtk_inspect_decode; return ;;
        pcap) _mqtk_inspect_pcap; return ;;
        proxy) _mqtk_inspect_proxy; return ;;
        probe) _mqtk_inspect_probe; return ;;
        audit) _mqtk_inspect_audit; return ;;
        send) _mqtk_inspect_send; return ;;
        check) _mqtk_inspect_check; return ;;
        retained) _mqtk_inspect_retained; return ;;
        top) _mqtk_inspect_top; return ;;
        fuzz) _mqtk_inspect_fuzz; return ;;
        journal) _mqtk_inspect_journal; return ;;
        esac
    fi
    if [[ $cur == -* ]]; then
        _mqtk_words '--help'
    else
        _mqtk_words 'decode pcap proxy probe audit send check retained top fuzz journal'
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
        _mqtk_words '--all --man --schema --help'
    else
        case $prev in
        serve) _mqtk_words 'acl passwd import configuration listeners locks storage behaviour reporting rules limits authentication access tls reload systemd durable durability kept fails directory topics environment examples'; return ;;
        acl) _mqtk_words 'explain lint'; return ;;
        explain) _mqtk_words 'question rules output environment examples'; return ;;
        lint) _mqtk_words 'rules output environment examples'; return ;;
        pub) _mqtk_words 'message messages recordings payload properties reply connection tls identity session will reporting lines progress topics grants templates contexts examples'; return ;;
        sub) _mqtk_words 'subscription end reply output judgement connection tls identity session will reporting views files commands compression conditions expectations streams format json contexts examples'; return ;;
        bench) _mqtk_words 'pub sub conn compare crash load judgement broker connection tls identity session will reporting shapes measured proven limit side objectives json ends contexts examples'; return ;;
        conn) _mqtk_words 'load judgement broker connection tls identity session will reporting shapes limit objectives json ends contexts examples'; return ;;
        compare) _mqtk_words 'judgement reporting verdicts examples'; return ;;
        crash) _mqtk_words 'test load connection reporting tested json examples'; return ;;
        inspect) _mqtk_words 'decode pcap proxy probe audit send check retained top fuzz journal'; return ;;
        decode) _mqtk_words 'bytes output form examples'; return ;;
        pcap) _mqtk_words 'read sessions output findings show json form examples'; return ;;
        proxy) _mqtk_words 'listening faults output end connection tls reporting json form contexts examples'; return ;;
        probe) _mqtk_words 'ask output connection tls identity reporting json contexts examples'; return ;;
        audit) _mqtk_words 'to output connection tls identity reporting contexts examples'; return ;;
        send) _mqtk_words 'play output connection tls identity reporting scripts json form examples'; return ;;
        check) _mqtk_words 'check output connection tls identity reporting contexts examples'; return ;;
        retained) _mqtk_words 'ls tree export import clear diff'; return ;;
        ls) _mqtk_words 'do connection tls identity session will reporting contexts examples'; return ;;
        tree) _mqtk_words 'do connection tls identity session will reporting contexts examples'; return ;;
        export) _mqtk_words 'do connection tls identity session will reporting contexts examples'; return ;;
        import) _mqtk_words 'do connection tls identity session will reporting contexts examples'; return ;;
        clear) _mqtk_words 'do connection tls identity session will reporting contexts examples'; return ;;
        diff) _mqtk_words 'do connection tls identity session will reporting contexts examples'; return ;;
        top) _mqtk_words 'do connection tls identity session will reporting contexts examples'; return ;;
        fuzz) _mqtk_words 'play connection tls identity reporting output findings left examples'; return ;;
        journal) _mqtk_words 'do records output examples'; return ;;
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
