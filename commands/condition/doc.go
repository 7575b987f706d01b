// Package condition asks a yes-or-no question about a message: it is the
// language of sub --where, and the half of --expect that is about one message.
//
//	payload.temp>30 && !retain
//	topic~^a/ or user.room=kitchen
//	payload["odd name"].list[-1]="x"
//
//	text -> Parse -> Condition -> Holds(Message) -> yes or no
//	text -> ParseField -> Field -> Append(Message) -> text
//
// There are two truth values and no third: what is not there is equal to
// nothing, less than nothing, and matches nothing; a!=b is true exactly where
// a=b is not.
//
// A payload is looked at as JSON only when a path leads into it, and is checked
// once, however many conditions ask. After that a path is a walk over the bytes
// that came: decoding into maps costs ten times as much, for members that
// nobody asked for. Rejected, too: a general expression language (arithmetic,
// functions, fields on the right side), of which one-liners use a tenth, and
// whose words would then be somebody else's.
package condition
