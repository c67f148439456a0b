package main

import (
	"errors"
	"fmt"
	"strings"
)

// told is how many failures an answer names.
const told = 10

// Failures gathers what is wrong with one manifest after the other, so that all of it is told at once.
type Failures struct {
	list []*Failure
}

// take notes a wrong input; any other error, such as a limit, is given back and ends the work.
func (f *Failures) take(err error) error {
	var failure *Failure
	if err == nil || !errors.As(err, &failure) || failure.Kind != "input" {
		return err
	}
	f.list = append(f.list, failure)
	return nil
}

// failure is the only one, or all of them in one; nil where there is none.
func (f *Failures) failure() *Failure {
	switch len(f.list) {
	case 0:
		return nil
	case 1:
		return f.list[0]
	}
	var said []string
	for _, one := range f.list[:min(told, len(f.list))] {
		said = append(said, one.placed())
	}
	more := ""
	if left := len(f.list) - told; left > 0 {
		more = fmt.Sprintf(" and %d more", left)
	}
	return wrong(f.list[0].File, "%d manifests are wrong: %s%s", len(f.list), strings.Join(said, "; "), more).
		of(f.list[0].Object)
}

// placed is the message with the line behind the file, and what to do.
func (f *Failure) placed() string {
	text := f.Message
	if rest, found := strings.CutPrefix(text, f.File+": "); found && f.File != "" {
		text = rest
	}
	place := f.File
	if f.Line > 0 {
		place = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	if place != "" {
		text = place + ": " + text
	}
	if f.Remedy != "" {
		text += " (" + f.Remedy + ")"
	}
	return text
}
