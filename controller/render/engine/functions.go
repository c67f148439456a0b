package main

import (
	"reflect"
	"sort"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// unsteady are the template functions whose result differs from one call to the next.
var unsteady = []string{
	"now", "ago",
	"randAlphaNum", "randAlpha", "randAscii", "randNumeric", "randBytes", "randInt", "uuidv4", "shuffle",
	"genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey",
	"genSignedCert", "genSignedCertWithKey", "htpasswd", "bcrypt", "encryptAES",
}

// functions watches what a chart's templates call.
type functions struct {
	nondeterministic bool
	called           map[string]bool
}

func newFunctions() *functions { return &functions{called: map[string]bool{}} }

// overrides are the functions that replace Helm's: the same, but noted, or with an order where Go's maps have none.
func (f *functions) overrides() template.FuncMap {
	overrides := template.FuncMap{
		"keys":   sortedKeys,
		"values": sortedValues,
		"lookup": func(string, string, string, string) (map[string]any, error) {
			f.called["lookup"] = true
			return map[string]any{}, nil
		},
	}
	originals := sprig.TxtFuncMap()
	for _, name := range unsteady {
		if original, known := originals[name]; known {
			overrides[name] = f.noted(name, original)
		}
	}
	return overrides
}

func (f *functions) noted(name string, original any) any {
	function := reflect.ValueOf(original)
	return reflect.MakeFunc(function.Type(), func(arguments []reflect.Value) []reflect.Value {
		f.nondeterministic = true
		f.called[name] = true
		if function.Type().IsVariadic() {
			return function.CallSlice(arguments)
		}
		return function.Call(arguments)
	}).Interface()
}

func (f *functions) warnings() []string {
	if f.called["lookup"] {
		return []string{"the chart calls lookup, which finds nothing while rendering: the cluster is never asked"}
	}
	return nil
}

func sortedKeys(dictionaries ...map[string]any) []string {
	keys := []string{}
	for _, dictionary := range dictionaries {
		for key := range dictionary {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	return keys
}

func sortedValues(dictionary map[string]any) []any {
	values := []any{}
	for _, key := range sortedKeys(dictionary) {
		values = append(values, dictionary[key])
	}
	return values
}
