// Package repotest holds what the repository has to say about itself: which package may import which, and that the
// places where a function, a route, a table or a variable is named agree. It is all tests; each failure names the mend.
package repotest
