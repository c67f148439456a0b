package main

import (
	"errors"
	"fmt"
)

// Failure is why a request has no objects: what, where, and what to do about it.
type Failure struct {
	Message string `json:"message"`
	// Kind is input, limit or internal.
	Kind string `json:"kind"`
	// File is relative to the repository's root.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Object string `json:"object,omitempty"`
	Remedy string `json:"remedy,omitempty"`
	// Missing says that a file is not there, which some callers allow.
	Missing bool `json:"-"`
}

func (f *Failure) Error() string { return f.Message }

func wrong(file, format string, args ...any) *Failure {
	return &Failure{Kind: "input", File: file, Message: fmt.Sprintf(format, args...)}
}

func tooMuch(file, format string, args ...any) *Failure {
	return &Failure{Kind: "limit", File: file, Message: fmt.Sprintf(format, args...)}
}

func (f *Failure) at(line int) *Failure          { f.Line = line; return f }
func (f *Failure) of(object string) *Failure     { f.Object = object; return f }
func (f *Failure) missing() *Failure             { f.Missing = true; return f }
func (f *Failure) remedy(remedy string) *Failure { f.Remedy = remedy; return f }

// asFailure keeps a Failure that is in the chain and makes one of anything else.
func asFailure(err error, file string) *Failure {
	var failure *Failure
	if errors.As(err, &failure) {
		return failure
	}
	return wrong(file, "%s", err.Error())
}

// absent says that an error is a file which is not there.
func absent(err error) bool {
	var failure *Failure
	return errors.As(err, &failure) && failure.Missing
}
