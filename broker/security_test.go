package broker_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecurity says for each thing that the broker must withstand around sessions
// and rights which tests hold it to that, and that they are there.
func TestSecurity(t *testing.T) {
	for line, tests := range map[string][]string{
		// State and take-over.
		"400 clients race for one client id":           {"broker.TestHostileTakeoverRace"},
		"QoS 2 ids are durable before PUBREC":          {"broker.TestHostileDurableFirst", "broker.TestNothingIsAcknowledgedBeforeItIsDurable", "broker.TestQoS2WaitsForTheStore"},
		"a resumed session keeps what it had":          {"broker.TestHostileResume", "broker.TestWhatASessionKeepsOverACrash"},
		"the store reopens after hostile traffic":      {"broker.TestHostileTakeoverBeforeItIsWritten", "broker/journal.TestCrashes", "broker/journal.TestLogCrashes"},
		"a damaged, cut or foreign store never panics": {"broker/journal.TestDamage", "broker/journal.TestTornTail", "broker/journal.TestNewerFormatIsNotTouched", "broker/journal.FuzzSegment", "broker/journal.FuzzFrames"},

		// Authentication and authorisation.
		"rights are asked at each delivery":                {"broker.TestHostileReceiveDenied", "broker.TestDeliveryDeniedLive", "broker.TestDeliveryDeniedResumed"},
		"a revoked right stops at once":                    {"broker.TestSecurityRevokedRight", "broker.TestSecurityShareGoesElsewhere", "broker.TestSecurityNobodyOfTheShareMay"},
		"unknown rights are no rights":                     {"broker.TestSecurityUnknownRights", "broker.TestSecurityUnknownMember", "broker.TestSecurityWillOfUnknown", "broker.TestRightsAreLoadedBeforeConnack"},
		"a will is asked about twice":                      {"broker.TestSecurityRevokedWill", "broker.TestHostilePublishDenied", "broker.TestWillDenied"},
		"a retained message needs its publisher's right":   {"broker.TestSecurityRetainSource", "broker.TestRetainSourceWaitsForNobody"},
		"names in patterns are literals":                   {"broker/acl.TestPlaceholders", "broker/acl.TestAuthorizerTellsOfHostileNamesOnce"},
		"unusable files of rules and passwords stop it":    {"broker/acl.TestFileThatCannotBeUsed", "broker/acl.TestFileTellsAllThatIsWrong", "broker/authfile.TestUselessFile", "broker/authfile.TestAllProblemsAtOnce"},
		"a query that fails denies":                        {"broker/authsql.TestQueryErrors", "broker.TestSecurityWillWithoutLedger"},
		"denies hold for shares":                           {"broker.TestHostileSubscribeDenied", "broker.TestDeliveryDeniedToOneMember"},
		"a granted # brings nothing beyond the rights":     {"broker.TestHostileReceiveDenied", "broker/acl.TestDecisionsAreThoseOfASearch"},
		"$SYS cannot be written":                           {"broker.TestHostileSysWrite"},
		"take-over needs the same identity":                {"broker.TestHostileTakeoverIdentity"},
		"an unknown user is answered as a wrong password":  {"broker.TestHostileConstantAnswers", "broker/authsql.TestUnknown", "broker/authfile.TestAuthenticate"},
		"failures are limited":                             {"broker.TestFailuresAreLimited", "broker.TestFailuresAreBounded"},
		"TLS verification fails closed":                    {"mqttwire/transport.TestClientCertificates", "mqttwire/transport.TestResumedSessionsAreVerified", "mqttwire/transport.TestDialTLSFails"},
		"the identity of a certificate is one exact field": {"broker/access.TestCertificateName", "broker/access.TestCertificateLink"},
		"files of the broker are its owner's alone":        {"broker/journal.TestFilesAreTheOwnersAlone", "broker/authfile.TestSetPasswordMakesTheFile", "commands.TestServeReady"},
		"a listener never opens wider than asked":          {"mqttwire/transport.TestLiteralStaysInItsFamily", "commands.TestServeRefuses", "commands/config.TestCheck"},
		"what is denied can cost the connection":           {"broker.TestDenyActionDisconnect"},
		"new rules hold once they are known for everybody": {"broker.TestSetAuthorizerLoadsFirst", "broker/acl.TestAuthorizerReplacesItsFile"},
		"mosquitto's files mean here what they mean there": {"broker/acl.TestAgainstMosquitto", "broker/acl.TestWhereMosquittoDiffers", "broker/authfile.TestReadsMosquittosLines"},
	} {
		t.Run(line, func(t *testing.T) {
			for _, test := range tests {
				if !isThere(t, test) {
					t.Errorf("%s is not there", test)
				}
			}
		})
	}
}

// isThere looks for a test, as PACKAGE.NAME, among the files of its package.
func isThere(t *testing.T, test string) bool {
	t.Helper()
	dot := strings.LastIndexByte(test, '.')
	files, err := filepath.Glob(filepath.Join("..", test[:dot], "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+test[dot+1:]+"(") {
			return true
		}
	}
	return false
}
