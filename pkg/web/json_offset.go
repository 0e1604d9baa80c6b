package web

import (
	"strings"
	"unicode/utf8"
)

// maxDepth is the deepest nesting that the decoder takes.
const maxDepth = 10_000

// firstSyntaxError returns the offset of the first bad character of a body that should be JSON (contract row 7): the
// first that no valid JSON text could have there, whatever followed. In a truncated body, which could still have
// become valid, that is the end of the body. For a body that is JSON it returns ok.
//
// The decoder says that a body is broken but not where in these terms: it points now at the character, now
// at the literal or the escape sequence in which it stands. So this runs after it, over broken bodies only.
func firstSyntaxError(body []byte) (offset int, ok bool) {
	s := scanner{body: body}
	ok = s.document()
	return s.pos, ok
}

// scanner recognises JSON. Its methods consume what they are named after and report whether it was there; if
// not, pos is left at the first bad character. So a chain of them joined by && stops where the body goes wrong.
type scanner struct {
	body []byte
	pos  int
}

// document is one value with nothing but space around it. Its stack holds the closing bracket of each open array or
// object.
func (s *scanner) document() bool {
	var stack []byte
	for {
		// Here a value begins.
		s.space()
		switch c := s.peek(); {
		case (c == '[' || c == '{') && len(stack) == maxDepth:
			return false
		case c == '[':
			s.pos++
			s.space()
			stack = append(stack, ']')
			if s.peek() != ']' {
				continue
			}
		case c == '{':
			s.pos++
			s.space()
			stack = append(stack, '}')
			if s.peek() != '}' {
				if !s.name() {
					return false
				}
				continue
			}
		case !s.scalar():
			return false
		}
		// Here a value has ended, or an empty array or object is about to.
		for {
			s.space()
			if len(stack) == 0 {
				return s.pos == len(s.body)
			}
			if s.peek() != stack[len(stack)-1] {
				break
			}
			s.pos++
			stack = stack[:len(stack)-1]
		}
		if !s.byte(',') {
			return false
		}
		if stack[len(stack)-1] == '}' {
			s.space()
			if !s.name() {
				return false
			}
		}
	}
}

// name is the name of a member, and the colon behind it.
func (s *scanner) name() bool {
	if !s.string() {
		return false
	}
	s.space()
	return s.byte(':')
}

// scalar is any value but an array or an object.
func (s *scanner) scalar() bool {
	switch s.peek() {
	case '"':
		return s.string()
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		return s.number()
	}
}

func (s *scanner) literal(word string) bool {
	for i := range len(word) {
		if !s.byte(word[i]) {
			return false
		}
	}
	return true
}

func (s *scanner) number() bool {
	s.byte('-')
	if !s.byte('0') && !s.digits() {
		return false
	}
	if s.byte('.') && !s.digits() {
		return false
	}
	if s.oneOf("eE") {
		s.oneOf("+-")
		return s.digits()
	}
	return true
}

// digits are one or more of them.
func (s *scanner) digits() bool {
	if !s.oneOf("0123456789") {
		return false
	}
	for s.oneOf("0123456789") {
	}
	return true
}

func (s *scanner) string() bool {
	if !s.byte('"') {
		return false
	}
	for {
		switch c := s.peek(); {
		case c == '"':
			s.pos++
			return true
		case c == '\\':
			if !s.escape() {
				return false
			}
		case c < ' ': // the end of the body included
			return false
		case c < utf8.RuneSelf:
			s.pos++
		default:
			r, size := utf8.DecodeRune(s.body[s.pos:])
			if r == utf8.RuneError && size == 1 {
				return false
			}
			s.pos += size
		}
	}
}

// escape is a backslash and what belongs to it. Surrogates, D800 to DFFF, come in pairs only: first one below
// DC00, then one from there on.
func (s *scanner) escape() bool {
	s.pos++
	switch {
	case !s.byte('u'):
		return s.oneOf(`"\/bfnrt`)
	case !s.oneOf("dD"):
		return s.hex(4)
	case s.oneOf("01234567"):
		return s.hex(2)
	default:
		return s.oneOf("89abAB") && s.hex(2) && s.literal(`\u`) && s.oneOf("dD") && s.oneOf("cdefCDEF") && s.hex(2)
	}
}

// hex are so many hexadecimal digits.
func (s *scanner) hex(digits int) bool {
	for range digits {
		if !s.oneOf("0123456789abcdefABCDEF") {
			return false
		}
	}
	return true
}

func (s *scanner) space() {
	for s.oneOf(" \t\r\n") {
	}
}

// byte is this byte.
func (s *scanner) byte(c byte) bool {
	if s.pos == len(s.body) || s.body[s.pos] != c {
		return false
	}
	s.pos++
	return true
}

// oneOf is one byte out of those given.
func (s *scanner) oneOf(bytes string) bool {
	if s.pos == len(s.body) || strings.IndexByte(bytes, s.body[s.pos]) < 0 {
		return false
	}
	s.pos++
	return true
}

// peek returns the next byte without consuming it, or 0, which begins nothing in JSON, at the end.
func (s *scanner) peek() byte {
	if s.pos == len(s.body) {
		return 0
	}
	return s.body[s.pos]
}

// lineAndColumn turns the offset of a character into its place for people (contract row 7): both from 1, lines
// ending at LF, columns counted in characters. What stands before the offset must be UTF-8.
func lineAndColumn(body []byte, offset int) (line, column int) {
	line = 1
	column = 1
	for _, r := range string(body[:offset]) {
		column++
		if r == '\n' {
			line = line + 1
			column = 1
		}
	}
	return line, column
}
