package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	yaml3 "go.yaml.in/yaml/v3"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Document is one YAML or JSON document as JSON; Line is where it starts in its file, from 1.
type Document struct {
	JSON json.RawMessage
	Line int
}

// null says that a document holds nothing: only comments, or null itself.
func (d Document) null() bool { return string(d.JSON) == "null" }

// readDocuments reads a file as kubectl does, and refuses duplicate keys and what would take unbounded memory.
func readDocuments(file string, data []byte, limits Limits) ([]Document, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		documents, isJSON, err := readJSON(file, data, limits)
		if isJSON {
			return documents, err
		}
	}
	var documents []Document
	for _, chunk := range splitDocuments(data) {
		converted, err := readYAML(file, chunk, limits)
		if err != nil {
			return nil, err
		}
		documents = append(documents, Document{JSON: converted, Line: chunk.line})
	}
	return documents, nil
}

// readJSON reads a stream of JSON values; it reports false when the text is not JSON (it may still be YAML).
func readJSON(file string, data []byte, limits Limits) ([]Document, bool, error) {
	var documents []Document
	decoder := json.NewDecoder(bytes.NewReader(data))
	for {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return documents, true, nil
		}
		if err != nil {
			return nil, false, nil
		}
		end := int(decoder.InputOffset())
		line := 1 + bytes.Count(data[:end-len(value)], []byte("\n"))
		if err := checkDepth(file, value, line, limits); err != nil {
			return nil, true, err
		}
		var anything any
		strict, err := kjson.UnmarshalStrict(value, &anything)
		if err != nil {
			return nil, true, wrong(file, "%s: %v", file, err).at(line)
		}
		if len(strict) > 0 {
			return nil, true, wrong(file, "%s: %v", file, strict[0]).at(line).remedy(onceRemedy)
		}
		documents = append(documents, Document{JSON: value, Line: line})
	}
}

const onceRemedy = "keep the one that is meant, and remove the other"

type chunk struct {
	text []byte
	line int
}

// splitDocuments cuts a stream at `---` and `...`, as the reader of kubectl does; text after a `---` belongs to
// the document that it opens.
func splitDocuments(data []byte) []chunk {
	var chunks []chunk
	current := chunk{line: 1}
	line := 0
	for len(data) > 0 {
		line++
		end := bytes.IndexByte(data, '\n') + 1
		if end == 0 {
			end = len(data)
		}
		text := data[:end]
		data = data[end:]
		if !isSeparator(text) {
			current.text = append(current.text, text...)
			continue
		}
		chunks = append(chunks, current)
		current = chunk{line: line}
		if text[0] == '-' {
			current.text = append([]byte("   "), text[3:]...) // the same columns for error messages
		} else {
			current.text = []byte("\n")
		}
	}
	return append(chunks, current)
}

func isSeparator(text []byte) bool {
	if !bytes.HasPrefix(text, []byte("---")) && !bytes.HasPrefix(text, []byte("...")) {
		return false
	}
	return len(text) == 3 || strings.IndexByte(" \t\r\n", text[3]) >= 0
}

func readYAML(file string, text chunk, limits Limits) ([]byte, error) {
	if err := checkAliases(file, text, limits); err != nil {
		return nil, err
	}
	converted, err := yaml.YAMLToJSONStrict(text.text)
	if err != nil && duplicateKey.MatchString(err.Error()) && !writtenTwice(text.text) {
		// The library counts a key that overrides a merged one (`<<`) as a duplicate; YAML does not.
		converted, err = yaml.YAMLToJSON(text.text)
	}
	if err != nil {
		return nil, yamlFailure(file, text.line, indentedByTab(text, err))
	}
	if err := checkEnd(file, text); err != nil {
		return nil, err
	}
	return converted, checkDepth(file, converted, text.line, limits)
}

// flowStart finds documents that may end before their text does: those that don't begin as a block of keys.
var flowStart = regexp.MustCompile(`\A(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*[^\s#A-Za-z0-9]`)

// checkEnd refuses text behind the end of a document, as in `{a: b} c: d`: the library reads the first and drops the
// rest without a word.
func checkEnd(file string, text chunk) error {
	if !flowStart.Match(text.text) {
		return nil
	}
	decoder := yaml3.NewDecoder(bytes.NewReader(text.text))
	var root yaml3.Node
	if err := decoder.Decode(&root); err != nil {
		return nil //nolint:nilerr // what the first reader took stands
	}
	if err := decoder.Decode(&root); errors.Is(err, io.EOF) {
		return nil
	}
	return wrong(file, "%s: there is text behind the end of a document", file).
		at(text.line).remedy("remove it, or put a line of --- between two documents")
}

// writtenTwice says whether a mapping of a document really has a key twice.
func writtenTwice(text []byte) bool {
	var root yaml3.Node
	if err := yaml3.Unmarshal(text, &root); err != nil {
		return true // the first reader's verdict stands
	}
	return hasDuplicate(&root)
}

func hasDuplicate(node *yaml3.Node) bool {
	if node.Kind == yaml3.MappingNode {
		seen := map[string]bool{}
		for i := 0; i < len(node.Content); i += 2 {
			key := node.Content[i]
			if seen[key.Tag+key.Value] {
				return true
			}
			seen[key.Tag+key.Value] = key.Kind == yaml3.ScalarNode
		}
	}
	return slices.ContainsFunc(node.Content, hasDuplicate)
}

var (
	duplicateKey = regexp.MustCompile(`line (\d+): key (.*) already set in map`)
	lineNumber   = regexp.MustCompile(`line (\d+): `)
)

func yamlFailure(file string, start int, err error) *Failure {
	text := err.Error()
	if match := duplicateKey.FindStringSubmatch(text); match != nil {
		line, _ := strconv.Atoi(match[1])
		return wrong(file, "%s: key %s stands twice in one mapping", file, match[2]).
			at(start + line - 1).of(strings.Trim(match[2], `"`)).remedy(onceRemedy)
	}
	line := start
	if match := lineNumber.FindStringSubmatch(text); match != nil {
		number, _ := strconv.Atoi(match[1])
		line = start + number - 1
		text = strings.Replace(text, match[0], "", 1)
	}
	text = strings.TrimPrefix(text, "error converting YAML to JSON: ")
	text = strings.TrimPrefix(text, "yaml: ")
	if strings.Contains(text, "excessive aliasing") || strings.Contains(text, "exceeded max depth") {
		return tooMuch(file, "%s: %s", file, text).at(line)
	}
	failure := wrong(file, "%s: not valid YAML: %s", file, text).at(line)
	if strings.Contains(text, "tab character") {
		return failure.remedy("indent with spaces")
	}
	return failure
}

// checkDepth bounds how deep objects and arrays nest, over valid JSON.
func checkDepth(file string, document []byte, line int, limits Limits) error {
	depth, quoted := 0, false
	for i := 0; i < len(document); i++ {
		switch character := document[i]; {
		case quoted && character == '\\':
			i++
		case character == '"':
			quoted = !quoted
		case quoted:
		case character == '{' || character == '[':
			if depth++; depth > limits.Depth {
				return tooMuch(file, "%s: nested deeper than %d levels", file, limits.Depth).at(line)
			}
		case character == '}' || character == ']':
			depth--
		}
	}
	return nil
}

// checkAliases bounds how large a document is once its aliases are expanded, before anything expands them. What
// is not YAML at all passes: whoever reads it as YAML says so.
func checkAliases(file string, text chunk, limits Limits) error {
	if bytes.IndexByte(text.text, '&') < 0 || bytes.IndexByte(text.text, '*') < 0 {
		return nil
	}
	var root yaml3.Node
	if err := yaml3.Unmarshal(text.text, &root); err != nil {
		return nil //nolint:nilerr // see above
	}
	size := expandedSize(&root, map[*yaml3.Node]int{}, limits.Nodes)
	if size > limits.Nodes {
		return tooMuch(file, "%s: excessive aliasing: more than %d values once its aliases are expanded", file, limits.Nodes).
			at(text.line).remedy("write the values out, or use fewer aliases of aliases")
	}
	return nil
}

// expandedSize counts the values below a node with every alias followed; a node inside itself counts as too large.
func expandedSize(node *yaml3.Node, known map[*yaml3.Node]int, limit int) int {
	if size, visited := known[node]; visited {
		return size
	}
	known[node] = limit + 1 // while it is being counted
	size := 1
	if node.Alias != nil {
		size = expandedSize(node.Alias, known, limit)
	}
	for _, child := range node.Content {
		if size += expandedSize(child, known, limit); size > limit {
			size = limit + 1
			break
		}
	}
	known[node] = size
	return size
}

// checkEmbedded looks for the same in YAML that stands inside strings of a document (inline patches and the like).
func checkEmbedded(file string, value any, limits Limits) error {
	switch value := value.(type) {
	case string:
		for _, text := range splitDocuments([]byte(value)) {
			if err := checkAliases(file, text, limits); err != nil {
				return err
			}
		}
	case []any:
		for _, item := range value {
			if err := checkEmbedded(file, item, limits); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, item := range value {
			if err := checkEmbedded(file, item, limits); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkText bounds a file that is not meant to be YAML but may be read as such later.
func checkText(file string, data []byte, limits Limits) error {
	for _, text := range splitDocuments(data) {
		if err := checkAliases(file, text, limits); err != nil {
			return err
		}
	}
	return nil
}

func join(root, name string) string {
	if root == "" {
		return name
	}
	return fmt.Sprintf("%s/%s", root, name)
}
