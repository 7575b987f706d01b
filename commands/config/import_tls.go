package config

import (
	"crypto/tls"
	"slices"
	"strings"
)

// encryption takes the certificates over.
func (h *hand) encryption() {
	o := h.s.options
	if l, ok := o["psk_hint"]; ok {
		h.block(l, "it asks for pre-shared keys", "there are no pre-shared keys here: give clients certificates or passwords")
	}
	cert, hasCert := o["certfile"]
	key, hasKey := o["keyfile"]
	switch {
	case hasCert && hasKey:
		h.put(cert, "cert", cert.value)
		h.put(key, "key", key.value)
	case hasCert || hasKey:
		l := firstLine(cert, key)
		h.block(l, "it has no certificate with its key", "certfile and keyfile belong together")
		return
	default:
		return
	}
	h.clientCertificates()
	if l, ok := o["tls_version"]; ok {
		switch version := strings.TrimPrefix(strings.ToLower(l.value), "tlsv"); version {
		case "1.2", "1.3":
			h.put(l, "tls_min", version)
		default:
			h.lose(l, "1.2 is the oldest version of TLS here")
		}
	}
	if l, ok := o["ciphers"]; ok {
		h.ciphers(l)
	}
	for _, name := range []string{"tls_engine", "tls_engine_kpass_sha1", "tls_keyform"} {
		if l, ok := o[name]; ok && l.value != "pem" {
			h.block(l, "its key is in an engine", "there are no engines here: the key is a file")
		}
	}
}

func (h *hand) clientCertificates() {
	o := h.s.options
	if !h.s.on("require_certificate") {
		for _, name := range []string{"use_identity_as_username", "use_subject_as_username"} {
			if h.s.on(name) {
				h.block(o[name], "it takes user names from certificates, and asks for none",
					"lets nobody in without require_certificate true, for no client is asked for a certificate then: the listener is a comment")
			}
		}
		return // mosquitto asks no client for one, then
	}
	ca, hasCA := o["cafile"]
	if l, ok := o["capath"]; ok {
		h.lose(l, "a directory of certificates is not read: put them into one file, which client_ca names")
	}
	if !hasCA {
		h.blocked = append(h.blocked, "it demands certificates, and no cafile says from whom")
		return
	}
	h.put(ca, "client_ca", ca.value)
	if l, ok := o["crlfile"]; ok {
		h.block(l, "it knows revoked certificates", "has no equivalent: revoked certificates would be accepted, so the listener is a comment")
	}
	switch {
	case h.s.on("use_identity_as_username"):
		h.put(o["use_identity_as_username"], "user_from_cert", "cn")
	case h.s.on("use_subject_as_username"):
		h.put(o["use_subject_as_username"], "user_from_cert", "subject")
	}
}

// ciphers turns OpenSSL's names into those of Go.
func (h *hand) ciphers(l line) {
	var names []string
	for _, name := range strings.Split(l.value, ":") {
		all := slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites())
		i := slices.IndexFunc(all, func(s *tls.CipherSuite) bool {
			return slices.Contains(s.SupportedVersions, tls.VersionTLS12) && openSSLName(s.Name) == name
		})
		if i < 0 {
			h.lose(l, "there is no cipher suite %s here", name)
			continue
		}
		names = append(names, all[i].Name)
	}
	if len(names) > 0 {
		h.put(l, "ciphers", strings.Join(names, ","))
	}
}

// openSSLName is what OpenSSL calls a cipher suite of TLS 1.2.
func openSSLName(name string) string {
	name = strings.TrimPrefix(name, "TLS_")
	name = strings.TrimPrefix(name, "RSA_WITH_")
	return strings.NewReplacer("_WITH_", "-", "AES_128", "AES128", "AES_256", "AES256", "_CBC_SHA", "-SHA",
		"CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305", "_", "-").Replace(name)
}
