// Package topictree finds what belongs to a topic.
//
//	Tree[V]   topic filters -> V.  Match(topic) visits every filter that matches a topic name (subscriptions, ACL patterns).
//	Names[V]  topic names -> V.    Cursor(filter) visits every name that a filter matches, in slices (retained messages).
//
// Both are one trie, a node per topic level. A node keeps its children in the
// order in which they were created, in a slice that is searched by looking
// while it is short and through a hash index beyond that, so one parent may
// have millions of children and none costs more than its own bytes. A node
// that holds neither a value nor children is removed at once.
//
// Neither type is safe for concurrent use, except that Get, Match and Len may
// run side by side while nothing changes the tree. Zero values work; a Tree or
// a Names must not be copied once used.
//
// Filters and names are taken as they are: the caller has checked them. The
// prefix of a shared subscription ($share/group/) is no part of a filter here.
//
// # Decisions
//
// No recursion, and no state that grows with the depth of a topic, except the
// path of a Cursor (four bytes a level): depth is chosen by clients.
//
// Order of creation instead of sorted children: a Cursor remembers the number
// of the last node it saw, and numbers only grow, so it finds its place again
// whatever was added or removed meanwhile, and an insert stays O(1). A sorted
// slice was rejected for its inserts, a bare map because it cannot be resumed,
// a linked list because a removed node would strand the cursors that stand on
// it.
package topictree
