package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/envsubst"
	"github.com/fluxcd/pkg/envsubst/parse"
	"sigs.k8s.io/yaml"
)

var variableName = regexp.MustCompile(`^[_[:alpha:]][_[:alpha:][:digit:]]*$`)

// leftAlone are the labels and annotations that say `disabled` of an object whose text is not to be touched.
var leftAlone = []string{"shipslog.dev/substitute", "kustomize.toolkit.fluxcd.io/substitute"}

// check refuses names that could not be written as `${name}`.
func (v *Variables) check() error {
	if v == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(v.Values)) {
		if !variableName.MatchString(name) {
			return wrong("", "the variable %q can't be named so: a name has letters, digits and underscores, and begins with no digit", name).
				of("spec.source.postBuild").remedy("rename it")
		}
		v.Values[name] = strings.ReplaceAll(v.Values[name], "\n", "")
	}
	return nil
}

// fill puts values in place of `${name}` in an object's YAML, and reads the result again, so that a value may be a
// number, too. The second result says that a value of a Secret went in.
func (v *Variables) fill(file string, object json.RawMessage, limits Limits) (json.RawMessage, bool, error) {
	name := describe(object)
	text, err := yaml.JSONToYAML(object)
	if err != nil {
		return nil, false, wrong(file, "%s: %s: %v", file, name, err)
	}
	if !strings.Contains(string(text), "$") || optedOut(object) {
		return object, false, nil
	}
	tree, err := parse.Parse(string(text))
	if err != nil {
		return nil, false, wrong(file, "%s: %s: a variable can't be read: %v", file, name, err).of(name).
			remedy("write ${name}, ${name:=default}, or $${name} for the text itself")
	}
	used := map[string]bool{}
	if missing := v.undefined(tree.Root, used); len(missing) > 0 {
		return nil, false, wrong(file, "%s: %s: no value for %s", file, name, strings.Join(missing, ", ")).of(name).
			remedy("give it in spec.source.postBuild, write ${name:=default}, or $${name} for the text itself")
	}
	filled, err := v.evaluate(string(text))
	if err != nil {
		return nil, false, wrong(file, "%s: %s: %v", file, name, err).of(name)
	}
	if int64(len(filled)) > limits.OutputBytes {
		return nil, false, tooMuch(file, "%s: %s: larger than %d bytes with its variables filled in", file, name, limits.OutputBytes).of(name)
	}
	converted, err := readYAML(file, chunk{text: []byte(filled), line: 1}, limits)
	if err != nil { // the reader's words could quote a value
		return nil, false, wrong(file, "%s: %s is no valid YAML with its variables filled in (%s)", file, name, v.names(used)).
			of(name).remedy("put quotes around a value that has a colon, a brace or a quote in it")
	}
	return converted, slices.ContainsFunc(v.Secret, func(one string) bool { return used[one] }), nil
}

// evaluate turns a panic of the library (a length below zero) into an error.
func (v *Variables) evaluate(text string) (filled string, err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("a variable's operator can't be evaluated")
		}
	}()
	filled, err = envsubst.Eval(text, func(name string) (string, bool) { return v.Values[name], true })
	if err != nil {
		err = fmt.Errorf("a variable can't be evaluated")
	}
	return filled, err
}

// defaults are the operators that say what to take where there is no value. All others need one: a part of nothing
// is a mistake, not an empty text.
var defaults = []string{"=", ":=", ":-", ":?", ":+", "-", "+"}

// undefined lists the variables without a value that have no default, and notes all that are used.
func (v *Variables) undefined(node parse.Node, used map[string]bool) []string {
	var missing []string
	add := func(nodes []parse.Node) {
		for _, inner := range nodes {
			for _, name := range v.undefined(inner, used) {
				if !slices.Contains(missing, name) {
					missing = append(missing, name)
				}
			}
		}
	}
	switch node := node.(type) {
	case *parse.ListNode:
		add(node.Nodes)
	case *parse.FuncNode:
		used[node.Param] = true
		if _, known := v.Values[node.Param]; !known && !slices.Contains(defaults, node.Name) {
			missing = append(missing, node.Param)
		}
		add(node.Args)
	}
	return missing
}

func (v *Variables) names(used map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(used)), ", ")
}

// hide takes the values of Secrets out of a message.
func (v *Variables) hide(failure *Failure) *Failure {
	for _, name := range v.Secret {
		value := v.Values[name]
		if value == "" {
			continue
		}
		for _, field := range []*string{&failure.Message, &failure.Object, &failure.Remedy} {
			*field = strings.ReplaceAll(*field, value, "***")
		}
	}
	return failure
}

// describe names an object for messages, before anything is known to be right about it.
func describe(object json.RawMessage) string {
	var h head
	if json.Unmarshal(object, &h) != nil {
		return "an object"
	}
	if name := h.called(); name != "" {
		return name
	}
	return "an object"
}

func optedOut(object json.RawMessage) bool {
	var marked struct {
		Metadata struct {
			Labels      map[string]any `json:"labels"`
			Annotations map[string]any `json:"annotations"`
		} `json:"metadata"`
	}
	if json.Unmarshal(object, &marked) != nil {
		return false
	}
	for _, name := range leftAlone {
		for _, marks := range []map[string]any{marked.Metadata.Labels, marked.Metadata.Annotations} {
			if value, _ := marks[name].(string); strings.EqualFold(value, "disabled") {
				return true
			}
		}
	}
	return false
}
