package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// indentedByTab says of a line that begins with a tab what the reader, which only sees a character too many, does not.
func indentedByTab(text chunk, err error) error {
	match := lineNumber.FindStringSubmatch(err.Error())
	if match == nil || !strings.Contains(err.Error(), "cannot start any token") {
		return err
	}
	number, _ := strconv.Atoi(match[1])
	lines := bytes.Split(text.text, []byte("\n"))
	if number < 1 || number > len(lines) || !bytes.Contains(leading(lines[number-1]), []byte("\t")) {
		return err
	}
	return fmt.Errorf("yaml: line %d: a tab character indents the line", number)
}

// leading is the white space that a line begins with.
func leading(line []byte) []byte {
	return line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
}
