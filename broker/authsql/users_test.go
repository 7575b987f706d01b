package authsql

import (
	"context"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"mqtk/broker"
	"mqtk/mqttwire/sasl"
)

func hexOf(h hash.Hash, parts ...string) string {
	for _, p := range parts {
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func derivedKey(t *testing.T, h func() hash.Hash, password, salt string, iterations, length int) []byte {
	t.Helper()
	key, err := pbkdf2.Key(h, password, []byte(salt), iterations, length)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func credentials(user, password string) *broker.Credentials {
	return &broker.Credentials{HasUsername: true, Username: user, HasPassword: true, Password: []byte(password)}
}

// TestHashes: every hash, with the salt before and behind the password, in the
// ways in which tables hold them.
func TestHashes(t *testing.T) {
	const password, salt = "hunter2é", "pepper"
	crypted, err := bcrypt.GenerateFromPassword([]byte(password), 4)
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(string(crypted), "$2a$", "$2y$", 1) // as PHP writes it
	key := derivedKey(t, sha256.New, password, salt, 1000, 32)
	tests := []struct {
		name         string
		o            Options
		stored, salt any
	}{
		{"plain", Options{Hash: "plain"}, password, nil},
		{"plain with a salt that means nothing", Options{Hash: "plain"}, password, salt},
		{"md5", Options{Hash: "md5"}, hexOf(md5.New(), password), nil},
		{"md5 prefix", Options{Hash: "md5", Salt: "prefix"}, hexOf(md5.New(), salt, password), salt},
		{"md5 suffix", Options{Hash: "md5", Salt: "suffix"}, hexOf(md5.New(), password, salt), salt},
		{"sha", Options{Hash: "sha"}, hexOf(sha1.New(), password), ""},
		{"sha1 suffix", Options{Hash: "sha1", Salt: "suffix"}, hexOf(sha1.New(), password, salt), salt},
		{"the default", Options{}, hexOf(sha256.New(), salt, password), salt},
		{"sha256 without", Options{Salt: "none"}, hexOf(sha256.New(), password), salt},
		{"sha256 capitals", Options{Hash: "sha256"}, strings.ToUpper(hexOf(sha256.New(), salt, password)), salt},
		{"sha512", Options{Hash: "sha512", Salt: "suffix"}, hexOf(sha512.New(), password, salt), salt},
		{"sha512 base64", Options{Hash: "sha512"}, base64Of(hexOf(sha512.New(), salt, password)), salt},
		{"bcrypt", Options{Hash: "bcrypt"}, string(crypted), nil},
		{"bcrypt of PHP", Options{Hash: "bcrypt"}, other, salt},
		{"pbkdf2", Options{Hash: "pbkdf2"}, hex.EncodeToString(key), salt},
		{"pbkdf2 of 20 bytes", Options{Hash: "pbkdf2"}, hex.EncodeToString(key[:20]), salt},
		{"pbkdf2 sha512", Options{Hash: "pbkdf2", Digest: "sha512", Iterations: 7}, hex.EncodeToString(derivedKey(t, sha512.New, password, salt, 7, 64)), salt},
		{"pbkdf2 sha base64", Options{Hash: "pbkdf2", Digest: "sha", Iterations: 3}, base64.StdEncoding.EncodeToString(derivedKey(t, sha1.New, password, salt, 3, 20)), salt},
	}
	onEach(t, func(t *testing.T, e *engine) {
		e.tables(t)
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				e.exec(t, "DELETE FROM mqtt_user")
				e.user(t, "ann", test.stored, test.salt, false)
				test.o.NoRights = true
				users := e.open(t, test.o).Users()
				id, err := users.Authenticate(t.Context(), credentials("ann", password))
				if err != nil || id.Username != "ann" {
					t.Errorf("the right password: %+v, %v", id, err)
				}
				for _, wrong := range []string{"", "hunter2", "hunter2É", password + " ", password + "x", salt + password, stringOf(test.stored)} {
					if wrong == password {
						continue
					}
					if _, err := users.Authenticate(t.Context(), credentials("ann", wrong)); !errors.Is(err, broker.ErrBadCredentials) || errors.Is(err, broker.ErrUnknownUser) {
						t.Errorf("password %q: %v", wrong, err)
					}
				}
			})
		}
	})
}

func stringOf(v any) string { return v.(string) }

func base64Of(hexadecimal string) string {
	b, _ := hex.DecodeString(hexadecimal)
	return base64.StdEncoding.EncodeToString(b)
}

// TestUnknown: who is not there is asked for at the next authenticator, and who
// is there but cannot be let in is not.
func TestUnknown(t *testing.T) {
	onEach(t, func(t *testing.T, e *engine) {
		e.tables(t)
		e.user(t, "ann", "secret", nil, false)
		e.user(t, "locked", nil, nil, false)
		e.user(t, "empty", "", nil, false)
		users := e.open(t, Options{Hash: "plain", NoRights: true}).Users()
		for _, test := range []struct {
			c    *broker.Credentials
			want error
		}{
			{credentials("nobody", "secret"), broker.ErrUnknownUser},
			{credentials("nobody", "likeness"), broker.ErrUnknownUser},
			{credentials("ANN", "secret"), broker.ErrUnknownUser}, // as it is written, whatever MySQL compares
			{credentials("ann ", "secret"), broker.ErrUnknownUser},
			{credentials("änn", "secret"), broker.ErrUnknownUser},
			{credentials("' OR 1=1 --", "secret"), broker.ErrUnknownUser},
			{credentials("%", "secret"), broker.ErrUnknownUser},
			{credentials("ann\x00", "secret"), broker.ErrUnknownUser},
			{credentials("\xff\xfe", "secret"), broker.ErrUnknownUser},
			{credentials("😀", "secret"), broker.ErrUnknownUser},
			{credentials(strings.Repeat("n", 65535), "secret"), broker.ErrUnknownUser},
			{credentials("", ""), broker.ErrUnknownUser},
			{&broker.Credentials{}, broker.ErrUnknownUser},
			{credentials("ann", "Secret"), broker.ErrBadCredentials},
			{credentials("locked", ""), broker.ErrBadCredentials},
			{credentials("empty", ""), broker.ErrBadCredentials},
			{&broker.Credentials{HasUsername: true, Username: "empty"}, broker.ErrBadCredentials},
			{&broker.Credentials{HasUsername: true, Username: "ann"}, broker.ErrBadCredentials},
			{credentials("ann", "secret"), nil},
		} {
			id, err := users.Authenticate(t.Context(), test.c)
			if !errors.Is(err, test.want) || test.want == broker.ErrBadCredentials && errors.Is(err, broker.ErrUnknownUser) || err != nil && id.Username != "" {
				t.Errorf("%.20q with %q: %+v, %v; want %v", test.c.Username, test.c.Password, id, err, test.want)
			}
		}
	})
}

// TestTwoAccounts: a name with two rows is an error that says so.
func TestTwoAccounts(t *testing.T) {
	onEach(t, func(t *testing.T, e *engine) {
		e.exec(t, "CREATE TABLE people (login varchar(20), secret varchar(20))")
		e.exec(t, "INSERT INTO people VALUES ('ann', 'one'), ('ann', 'two'), ('bob', 'three')")
		users := e.open(t, Options{NoRights: true, UserTable: "people", Columns: Columns{Username: "login", Password: "secret"}, Hash: "plain"}).Users()
		_, err := users.Authenticate(t.Context(), credentials("ann", "one"))
		if err == nil || !strings.Contains(err.Error(), "more than one row") || errors.Is(err, broker.ErrBadCredentials) || strings.Contains(err.Error(), "two") {
			t.Errorf("ann: %v", err)
		}
		if _, err := users.Authenticate(t.Context(), credentials("bob", "three")); err != nil {
			t.Errorf("bob: %v", err)
		}
	})
}

// TestUserErrors: a query that fails is no answer about the password.
func TestUserErrors(t *testing.T) {
	onEach(t, func(t *testing.T, e *engine) {
		e.tables(t)
		e.user(t, "ann", "secret", nil, false)
		users := e.open(t, Options{Hash: "plain", NoRights: true}).Users()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := users.Authenticate(ctx, credentials("ann", "secret")); err == nil || errors.Is(err, broker.ErrBadCredentials) {
			t.Errorf("cancelled: %v", err)
		}
		e.exec(t, "DROP TABLE mqtt_user")
		_, err := users.Authenticate(t.Context(), credentials("ann", "secret"))
		if err == nil || errors.Is(err, broker.ErrBadCredentials) || !strings.Contains(err.Error(), "mqtt_user") {
			t.Errorf("without the table: %v", err)
		}
	})
}

// TestSCRAM: what tables hold that SCRAM can use logs in by it, and an unknown
// user looks no different.
func TestSCRAM(t *testing.T) {
	key := hex.EncodeToString(derivedKey(t, sha256.New, "secret", "0123456789", 5000, 32))
	e := onSQLite(t).tables(t)
	for _, test := range []struct {
		o            Options
		stored, salt any
		method       string
		fits         bool
	}{
		{Options{Hash: "plain"}, "secret", nil, sasl.SCRAMSHA256, true},
		{Options{Hash: "plain"}, "secret", nil, sasl.SCRAMSHA512, true},
		{Options{Hash: "pbkdf2", Iterations: 5000}, key, "0123456789", sasl.SCRAMSHA256, true},
		{Options{Hash: "pbkdf2", Iterations: 5000}, key, "0123456789", sasl.SCRAMSHA1, false},
		{Options{Hash: "pbkdf2", Iterations: 5000}, key[:40], "0123456789", sasl.SCRAMSHA256, false},
		{Options{Hash: "sha256"}, hexOf(sha256.New(), "secret"), nil, sasl.SCRAMSHA256, false},
	} {
		e.exec(t, "DELETE FROM mqtt_user")
		e.user(t, "ann", test.stored, test.salt, false)
		test.o.NoRights = true
		users := e.open(t, test.o).Users()
		if err := talk(t, users, test.method, "ann", "secret"); (err == nil) != test.fits {
			t.Errorf("%s by %s: %v", test.o.Hash, test.method, err)
		}
		if err := talk(t, users, test.method, "ann", "Secret"); !errors.Is(err, sasl.ErrBadCredentials) && !test.fits {
			t.Errorf("%s by %s, wrong password: %v", test.o.Hash, test.method, err)
		}
		if !test.fits {
			continue
		}
		known, err := users.Verifier(t.Context(), "ann", test.method)
		model, unknown := users.Verifier(t.Context(), "nobody", test.method)
		if err != nil || !errors.Is(unknown, sasl.ErrUnknownUser) {
			t.Errorf("%s: %v, %v", test.o.Hash, err, unknown)
		}
		if len(known.Salt) != len(model.Salt) || known.Iterations != model.Iterations || (known.Password == nil) != (model.Password == nil) {
			t.Errorf("%s: an unknown user can be told: %+v, %+v", test.o.Hash, known, model)
		}
	}
}

// talk logs in by a mechanism, both halves of it here.
func talk(t *testing.T, users sasl.Users, method, user, password string) error {
	t.Helper()
	client, err := sasl.NewClient(method, sasl.ClientOptions{Username: user, Password: []byte(password), MinIterations: 1})
	if err != nil {
		t.Fatal(err)
	}
	server, err := sasl.NewServer(method, users, sasl.ServerOptions{Secret: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	data, err := client.Start()
	for err == nil {
		reply, done, name, failed := server.Next(t.Context(), data)
		if failed != nil {
			return failed
		}
		if done {
			if name != user {
				t.Errorf("logged in as %q", name)
			}
			return client.Finish(reply)
		}
		data, err = client.Next(reply)
	}
	return err
}

// TestLikeness: comparing with the likeness does the work of comparing.
func TestLikeness(t *testing.T) {
	for _, kind := range hashNames() {
		h := newHasher((&Options{Hash: kind, Iterations: 10}).withDefaults())
		models := map[string]account{"none": {}}
		switch kind {
		case "bcrypt":
			models["cost 5"] = account{password: "$2b$05$" + strings.Repeat(".", 53)}
		case "pbkdf2":
			models["20 bytes"] = account{password: strings.Repeat("00", 20), salt: "0123456789abc"}
		}
		for name, model := range models {
			a := h.likeness(model)
			if !h.readable(a.password) || h.matches([]byte("x"), a) {
				t.Errorf("%s, %s: %+v", kind, name, a)
			}
			if model.password != "" && (len(a.password) != len(model.password) || len(a.salt) != len(model.salt)) {
				t.Errorf("%s, %s: %+v is not like %+v", kind, name, a, model)
			}
			if cost, err := bcrypt.Cost([]byte(a.password)); kind == "bcrypt" && model.password != "" && (err != nil || cost != 5) {
				t.Errorf("bcrypt: cost %d, %v", cost, err)
			}
		}
	}
}
