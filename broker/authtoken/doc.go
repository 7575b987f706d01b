// Package authtoken lets clients in by a signed token: a JWT (RFC 7519) as the
// password of CONNECT.
//
// A token must be signed by a key of ours, with a method that fits the kind of the
// key: what the token says of itself chooses neither. So `alg: none` is no method,
// and a public RSA key never serves as the secret of HS256, whatever a forger
// writes into the header.
//
//	key of ours              methods
//	secret                   HS256, from 48 bytes on HS384, from 64 on HS512
//	RSA, 2,048 bits or more  RS256 RS384 RS512 PS256 PS384 PS512
//	EC P-256, P-384, P-521   ES256, ES384, ES512
//	Ed25519                  EdDSA
//
// It must hold the user name (claim sub, or another one by configuration) and an
// end (exp): a token without would be a password that nobody can change. nbf is
// kept, iss and aud where the configuration names them. Clocks may differ by 30
// seconds. CONNECT's user name must be that of the token, or be left out. The
// connection ends when the token does: DISCONNECT 0xA0, Maximum connect time; who
// has another token by then connects again.
//
// A password that is no JWT at all belongs to another link of the chain.
//
// The files are looked at again when somebody logs in, once a second at most. One
// that is broken by then is told in the log, and the keys of before stay.
//
// The cryptography is the standard library's, the reading of tokens and JWKS
// github.com/go-jose/go-jose/v4's: it wants the methods allowed named, has no
// dependencies, and reads key sets, which golang-jwt does not.
package authtoken
