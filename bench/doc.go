// Package bench is the load: clients by the thousand, on few threads, that know
// what to expect, and a count of everything that happened.
//
//	Plan ── Check ──▶ Run ──▶ Result            what to do; what came of it
//	                   │
//	          workers, one loop each (package loop)
//	                   │
//	publishers ── pacer: when is a message due? ──▶ broker ──▶ subscribers
//	      │ PUBACK, PUBCOMP                                        │ flow: which number is due?
//	      └────────────▶ counts, histograms ◀──────────────────────┘
//
// Beside it stand bench/crash, which kills a broker, and bench/page, which draws a
// result.
package bench
