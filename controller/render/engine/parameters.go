package main

import (
	"fmt"
	"path"
	"strings"

	"helm.sh/helm/v4/pkg/strvals"
)

// parameters sets single values over all others, in Helm's order: --set, then --set-string, then --set-file.
func (r *chartRender) parameters(values map[string]any) error {
	for _, forced := range []bool{false, true} {
		for index, parameter := range r.request.Helm.Parameters {
			if parameter.ForceString != forced {
				continue
			}
			set := strvals.ParseInto
			if forced {
				set = strvals.ParseIntoString
			}
			if !single(parameter.Name) || set(parameter.Name+"="+one(parameter.Value), values) != nil {
				return parameterFailure(fmt.Sprintf("spec.source.helm.parameters[%d]", index), parameter.Name)
			}
		}
	}
	for index, parameter := range r.request.Helm.FileParameters {
		field := fmt.Sprintf("spec.source.helm.fileParameters[%d]", index)
		data, _, err := r.named(field+".path", "file", parameter.Path)
		if err != nil {
			return err
		}
		read := func([]rune) (any, error) { return string(data), nil }
		if !single(parameter.Name) || strvals.ParseIntoFile(parameter.Name+"=file", values, read) != nil {
			return parameterFailure(field, parameter.Name)
		}
	}
	return nil
}

// parameterFailure quotes no value: it may be meant to be secret.
func parameterFailure(field, name string) *Failure {
	return wrong("", "%s: %q is no path of a value", field, clip(name)).of(field).
		remedy(`write the name as helm's --set takes it: outer.inner, list[0], "a\.b" for a dot in a name`)
}

// single says that a name is one path: Helm's parser takes a second assignment in it, and passes over an index that
// is not closed.
func single(name string) bool {
	open := false
	for index := 0; index < len(name); index++ {
		switch name[index] {
		case '\\':
			index++
		case '=', ',':
			return false
		case '[', ']':
			if open == (name[index] == '[') {
				return false
			}
			open = !open
		}
	}
	return !open
}

// one escapes what would begin a second assignment: a parameter is one value. {a,b} is Helm's form of a list.
func one(value string) string {
	if strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}") {
		return value
	}
	var escaped strings.Builder
	for index, character := range value {
		if character == ',' && (index == 0 || value[index-1] != '\\') {
			escaped.WriteByte('\\')
		}
		escaped.WriteRune(character)
	}
	return escaped.String()
}

// inside turns a path relative to the chart, or to the repository's root where it has a leading slash, into one of
// the repository.
func (r *chartRender) inside(field, what, file string) (string, error) {
	name := path.Clean(path.Join(r.request.Root, file))
	if strings.HasPrefix(file, "/") {
		name = strings.TrimPrefix(path.Clean(file), "/")
	}
	if name == ".." || strings.HasPrefix(name, "../") {
		return "", wrong(file, "the %s %s is outside the repository", what, file).of(field).
			remedy("refer only to files of the same repository")
	}
	return name, nil
}

// named returns the content of a file that the Application names, and its path.
func (r *chartRender) named(field, what, file string) ([]byte, string, error) {
	name, err := r.inside(field, what, file)
	if err != nil {
		return nil, "", err
	}
	data, err := r.repository.Blob(name)
	if err != nil {
		return nil, "", err
	}
	if data == nil {
		return nil, "", wrong(name, "the %s %s does not exist in this revision", what, name).of(field).
			remedy("correct the path, or commit the file").missing()
	}
	return data, name, nil
}
