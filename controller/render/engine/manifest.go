package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// head is what identifies a manifest.
type head struct {
	APIVersion any `json:"apiVersion"`
	Kind       any `json:"kind"`
	Metadata   struct {
		Name         any `json:"name"`
		GenerateName any `json:"generateName"`
		Namespace    any `json:"namespace"`
	} `json:"metadata"`
	Items json.RawMessage `json:"items"`
}

// identity is what two manifests may not share; the version of the API is no part of it.
type identity struct{ group, kind, namespace, name string }

func (i identity) String() string {
	if i.namespace == "" {
		return i.kind + " " + i.name
	}
	return fmt.Sprintf("%s %s in namespace %s", i.kind, i.name, i.namespace)
}

// Manifests gathers the objects of one answer: lists are expanded, heads checked, doubles refused.
type Manifests struct {
	limits    Limits
	variables *Variables
	namespace string
	objects   []Object
	from      map[identity]string
	bytes     int64
}

func newManifests(request *Request) *Manifests {
	return &Manifests{
		limits: request.Limits, variables: request.Variables, namespace: request.Namespace, from: map[identity]string{},
	}
}

// add takes one document; a document without content is passed over.
func (m *Manifests) add(file string, document Document, hook *Hook) error {
	if document.null() {
		return nil
	}
	return m.addObject(file, document.JSON, document.Line, hook)
}

func (m *Manifests) addObject(file string, object json.RawMessage, line int, hook *Hook) error {
	object = bytes.TrimSpace(object)
	if len(object) == 0 || object[0] != '{' {
		return wrong(file, "%s: a Kubernetes object is expected, not %s", file, called(object)).at(line)
	}
	var h head
	if err := json.Unmarshal(object, &h); err != nil {
		return wrong(file, "%s: metadata must be a mapping", file).at(line).of("metadata")
	}
	if kind, _ := h.Kind.(string); strings.HasSuffix(kind, "List") && len(h.Items) > 0 && h.Items[0] == '[' {
		return m.addList(file, h, line, hook)
	}
	if m.variables != nil {
		filled, secret, err := m.variables.fill(file, object, m.limits)
		if err != nil {
			return asFailure(err, file).at(line)
		}
		h = head{}
		if json.Unmarshal(filled, &h) != nil {
			return wrong(file, "%s: metadata must be a mapping", file).at(line).of("metadata")
		}
		if err := m.take(file, filled, h, line, hook, secret); err != nil {
			return m.variables.hide(asFailure(err, file))
		}
		return nil
	}
	return m.take(file, object, h, line, hook, false)
}

// take adds one object. Of one that holds a Secret's value nothing is quoted but names.
func (m *Manifests) take(file string, object json.RawMessage, h head, line int, hook *Hook, secret bool) error {
	id, failure := h.identify(file, m.namespace)
	if failure != nil && secret {
		failure = wrong(file, "%s: %s lacks a field that every object has, or has it as a number, once its variables are filled in",
			file, describe(object)).of(describe(object)).remedy("look at apiVersion, kind, metadata.name and metadata.namespace")
	}
	if failure != nil {
		return failure.at(line)
	}
	if err := m.claim(id, file, hook, line); err != nil {
		return err
	}
	m.bytes += int64(len(object))
	if len(m.objects) >= m.limits.Objects {
		return tooMuch(file, "more than %d objects", m.limits.Objects)
	}
	if m.bytes > m.limits.OutputBytes {
		return tooMuch(file, "the objects are larger than %d bytes together", m.limits.OutputBytes)
	}
	m.objects = append(m.objects, Object{Object: object, File: file, Hook: hook, Secret: secret})
	return nil
}

// last is the object that was added last.
func (m *Manifests) last() *Object { return &m.objects[len(m.objects)-1] }

// claim refuses a second object of the same identity. A hook may share it with an object: they live at other times.
func (m *Manifests) claim(id identity, file string, hook *Hook, line int) error {
	if hook != nil {
		return nil
	}
	if first, taken := m.from[id]; taken {
		message := fmt.Sprintf("%s stands in %s and in %s", id, first, file)
		if first == file {
			message = fmt.Sprintf("%s stands twice in %s", id, file)
		}
		return wrong(file, "%s", message).at(line).of(id.kind + " " + id.name).remedy("rename one of them, or remove it")
	}
	m.from[id] = file
	return nil
}

// addList adds the items of a List; those of a typed list (ConfigMapList) may leave out what the list says.
func (m *Manifests) addList(file string, list head, line int, hook *Hook) error {
	var items []json.RawMessage
	if err := json.Unmarshal(list.Items, &items); err != nil {
		return err
	}
	kind, _ := list.Kind.(string)
	for _, item := range items {
		completed, err := complete(item, list.APIVersion, strings.TrimSuffix(kind, "List"))
		if err != nil {
			return wrong(file, "%s: an item of %s is not an object", file, kind).at(line)
		}
		if err := m.addObject(file, completed, line, hook); err != nil {
			return err
		}
	}
	return nil
}

func complete(item json.RawMessage, apiVersion any, kind string) (json.RawMessage, error) {
	if kind == "" { // a plain List says nothing of its items
		return item, nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(item, &object); err != nil || object == nil {
		return nil, fmt.Errorf("not an object")
	}
	if object["apiVersion"] != nil && object["kind"] != nil {
		return item, nil
	}
	object["apiVersion"], _ = json.Marshal(apiVersion)
	object["kind"], _ = json.Marshal(kind)
	return json.Marshal(object)
}

func (h head) identify(file, namespace string) (identity, *Failure) {
	if h.APIVersion == nil && h.Kind == nil {
		return identity{}, wrong(file, "%s: not a Kubernetes manifest: it has neither apiVersion nor kind", file).
			remedy("move it out of the directory, or list it in spec.source.plain.exclude")
	}
	apiVersion, failure := text(file, "apiVersion", h.APIVersion)
	if failure != nil {
		return identity{}, failure.about(h)
	}
	kind, failure := text(file, "kind", h.Kind)
	if failure != nil {
		return identity{}, failure.about(h)
	}
	if h.Metadata.Name == nil && h.Metadata.GenerateName != nil {
		return identity{}, wrong(file, "%s: %s has generateName %v but no name: it would be created anew at every sync",
			file, kind, h.Metadata.GenerateName).
			of(kind).remedy("give it metadata.name")
	}
	name, failure := text(file, "metadata.name", h.Metadata.Name)
	if failure != nil {
		return identity{}, failure.about(h)
	}
	if h.Metadata.Namespace != nil {
		own, failure := text(file, "metadata.namespace", h.Metadata.Namespace)
		if failure != nil {
			return identity{}, failure.about(h)
		}
		namespace = own
	}
	group, _, grouped := strings.Cut(apiVersion, "/")
	if !grouped {
		group = ""
	}
	return identity{group, kind, namespace, name}, nil
}

// about names the object by what it does say.
func (f *Failure) about(h head) *Failure {
	name := h.called()
	if name == "" {
		return f
	}
	f.Message += " (of " + name + ")"
	return f.of(name)
}

// called is kind and name, as far as an object has them.
func (h head) called() string {
	kind, _ := h.Kind.(string)
	name, _ := h.Metadata.Name.(string)
	return strings.TrimSpace(kind + " " + name)
}

// text wants a string that is not empty; YAML makes numbers and booleans of names that are not quoted.
func text(file, field string, value any) (string, *Failure) {
	switch value := value.(type) {
	case nil:
		return "", wrong(file, "%s: %s is missing", file, field)
	case string:
		if value == "" {
			return "", wrong(file, "%s: %s is empty", file, field)
		}
		return value, nil
	default:
		return "", wrong(file, "%s: %s must be a string, but YAML reads it as %v", file, field, value).
			remedy("put it in quotes")
	}
}

// called says what a document is that is no object, and nothing of what it says: that may be a secret.
func called(document json.RawMessage) string {
	switch {
	case len(document) == 0:
		return "an empty document"
	case document[0] == '[':
		return "a list"
	case document[0] == '"':
		return "a text"
	default:
		return "a single value"
	}
}

func clip(text string) string {
	if len(text) > 60 {
		return text[:60] + "..."
	}
	return text
}

// declaredIn returns the file that already has a document's object; "" when there is none.
func (m *Manifests) declaredIn(document Document) string {
	var h head
	if json.Unmarshal(document.JSON, &h) != nil {
		return ""
	}
	id, failure := h.identify("", m.namespace)
	if failure != nil {
		return ""
	}
	return m.from[id]
}
