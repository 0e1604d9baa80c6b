// Package repotest tests the repository's own rules: which package may import which, and that the places where a
// function, a route, a table or a variable is named agree. It consists of tests only; each failure says what to fix.
package repotest
