// Package topictree finds what belongs to a topic.
//
//	Tree[V]  topic filters -> V.      Match(topic) visits every filter that matches a topic name (subscriptions).
//	Set[E]   names -> E.              For whatever carries its own name: the nodes of a level, the broker's sessions.
//	Names    topic names -> bytes.    Cursor(filter) visits every name that a filter matches, in slices (retained messages).
//
// A Tree is a trie, a node per topic level. A node with several children keeps
// them in a Set, so one parent may have millions of them. A node that holds
// neither a value nor children is removed at once. With a V of two words a node
// takes 48 bytes, and 32 more if it has one child or a wildcard, 64 and up if it
// has several; its place among many siblings takes 14 to 18.
//
// Names are a sorted list, in the order of the topics' bytes, cut into pages of
// 4 KB, and those into chunks of 512 pages: two steps down to where a topic is.
// A page is one piece of memory without pointers that holds topics, less what
// all of them begin with, and values, so that a million retained messages cost
// little beyond their own bytes and the garbage collector next to nothing.
//
// None of the types is safe for concurrent use, except that Get, Match and Len may
// run side by side while nothing changes the tree. Zero values work; a Tree or
// Names must not be copied once used.
//
// Filters and names are taken as they are: the caller has checked them. The
// prefix of a shared subscription ($share/group/) is no part of a filter here.
//
// # Decisions
//
// No recursion, and no state that grows with the depth of a topic: depth is
// chosen by clients.
//
// Names are no trie: with nodes, children, index and one allocation for each
// value, a retained message of 16 bytes took 400 bytes, of which 190 were
// the trie's; here it takes about 80. Set costs the same, or twice that when a
// million topics come in no order at all.
//
// A Cursor's place is a topic, so it finds it again whatever was added or removed
// meanwhile. Topics of one level are side by side, so it jumps over those that
// its filter cannot match: what it looks at is about what it visits, and where a
// + stands before other levels, one topic more for each level that the + stands
// for.
package topictree
