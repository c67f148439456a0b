package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// maxFrame bounds one message in either direction, in bytes.
const maxFrame = 256 << 20

// Incoming is one message from the controller: a request, or the answer to what we asked.
type Incoming struct {
	Render *Request `json:"render,omitempty"`
	Found  *Found   `json:"found,omitempty"`
}

// Outgoing is one message to the controller; exactly one field is set.
type Outgoing struct {
	Ready  *Ready   `json:"ready,omitempty"`
	Ask    *Ask     `json:"ask,omitempty"`
	Answer *Answer  `json:"answer,omitempty"`
	Error  *Failure `json:"error,omitempty"`
}

// Ready is said once, when the process can take its first request.
type Ready struct {
	Version string `json:"version"`
	// Confined says whether the platform took network, files and other programs away from this process.
	Confined bool `json:"confined"`
}

// Ask looks a path of the repository up. Deep lists the whole subtree, without contents; Read asks for the contents
// of the files named, relative to Path.
type Ask struct {
	Path string   `json:"path"`
	Deep bool     `json:"deep,omitempty"`
	Read []string `json:"read,omitempty"`
}

// Found says what stands at a path.
type Found struct {
	// Kind is blob, tree, symlink, submodule, none, or large (more than the limits allow).
	Kind string `json:"kind"`
	// At is where the symlink or submodule stands that hides the path; for large: what is too large.
	At      string  `json:"at,omitempty"`
	Entries []Entry `json:"entries,omitempty"`
	Content
}

// Entry is one name of a directory; in a deep listing, one path below it.
type Entry struct {
	Path string `json:"path"`
	Kind string `json:"kind"`
	Size int64  `json:"size"`
	Content
}

// Content carries a file's bytes, as text where they are valid UTF-8; neither means "not sent".
type Content struct {
	Text   *string `json:"text,omitempty"`
	Base64 *string `json:"base64,omitempty"`
}

// Bytes returns the content and whether any was sent.
func (c Content) Bytes() ([]byte, bool, error) {
	switch {
	case c.Text != nil:
		return []byte(*c.Text), true, nil
	case c.Base64 != nil:
		data, err := base64.StdEncoding.DecodeString(*c.Base64)
		return data, true, err
	}
	return nil, false, nil
}

// Request asks for the objects of one directory.
type Request struct {
	// Kind is auto, plain, kustomize or helm.
	Kind string `json:"kind"`
	// Root is the directory, relative to the repository's root; "" is the root itself.
	Root string `json:"root"`
	// Namespace is where objects go that name none.
	Namespace   string          `json:"namespace"`
	KubeVersion string          `json:"kubeVersion"`
	APIVersions []string        `json:"apiVersions"`
	Helm        HelmParams      `json:"helm"`
	Kustomize   KustomizeParams `json:"kustomize"`
	Plain       PlainParams     `json:"plain"`
	Limits      Limits          `json:"limits"`
	// Variables are filled into finished objects; nil leaves `${...}` as it is.
	Variables *Variables `json:"variables,omitempty"`
	// Preload is the shallow listing of Root, to spare a round trip.
	Preload *Found `json:"preload,omitempty"`
}

// HelmParams are the parameters of a chart.
type HelmParams struct {
	ReleaseName string         `json:"releaseName"`
	Values      map[string]any `json:"values"`
	// ValueFiles are relative to the chart, or to the repository's root when they start with a slash.
	ValueFiles              []string        `json:"valueFiles"`
	IgnoreMissingValueFiles bool            `json:"ignoreMissingValueFiles"`
	Parameters              []HelmParameter `json:"parameters"`
	FileParameters          []HelmFile      `json:"fileParameters"`
	SkipCRDs                bool            `json:"skipCrds"`
	SkipTests               bool            `json:"skipTests"`
	SkipSchema              bool            `json:"skipSchemaValidation"`
}

// HelmParameter is one value by its path, as --set, or --set-string where it is forced to be a string.
type HelmParameter struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	ForceString bool   `json:"forceString"`
}

// HelmFile is one value by its path that is a file's content, as --set-file.
type HelmFile struct {
	Name string `json:"name"`
	Path string `json:"path"`
}

// KustomizeParams are edits of the root's kustomization file, in the words of such a file.
type KustomizeParams struct {
	NamePrefix              string            `json:"namePrefix"`
	NameSuffix              string            `json:"nameSuffix"`
	Namespace               string            `json:"namespace"`
	Images                  []map[string]any  `json:"images"`
	Replicas                []map[string]any  `json:"replicas"`
	CommonLabels            map[string]string `json:"commonLabels"`
	LabelWithoutSelector    bool              `json:"labelWithoutSelector"`
	LabelIncludeTemplates   bool              `json:"labelIncludeTemplates"`
	CommonAnnotations       map[string]string `json:"commonAnnotations"`
	Patches                 []map[string]any  `json:"patches"`
	Components              []string          `json:"components"`
	IgnoreMissingComponents bool              `json:"ignoreMissingComponents"`
}

// Variables are values by name; those named in Secret never stand in a message.
type Variables struct {
	Values map[string]string `json:"values"`
	Secret []string          `json:"secret"`
}

// PlainParams say which files of a directory count; patterns are globs of path.Match, relative to the root.
type PlainParams struct {
	Recurse bool     `json:"recurse"`
	Include []string `json:"include"`
	Exclude []string `json:"exclude"`
}

// Limits bound what one request may read and produce; 0 takes the default.
type Limits struct {
	FileBytes   int64 `json:"fileBytes"`
	TotalBytes  int64 `json:"totalBytes"`
	Files       int   `json:"files"`
	Objects     int   `json:"objects"`
	OutputBytes int64 `json:"outputBytes"`
	Depth       int   `json:"depth"`
	// Nodes bounds a YAML document after its aliases are expanded.
	Nodes int `json:"nodes"`
}

func (l *Limits) setDefaults() {
	setDefault(&l.FileBytes, 8<<20)
	setDefault(&l.TotalBytes, 64<<20)
	setDefault(&l.Files, 5_000)
	setDefault(&l.Objects, 10_000)
	setDefault(&l.OutputBytes, 32<<20)
	setDefault(&l.Depth, 100)
	setDefault(&l.Nodes, 500_000)
}

func setDefault[N int | int64](field *N, value N) {
	if *field <= 0 {
		*field = value
	}
}

// Answer is what a directory renders to.
type Answer struct {
	Kind             string   `json:"kind"`
	Objects          []Object `json:"objects"`
	Warnings         []string `json:"warnings"`
	Nondeterministic bool     `json:"nondeterministic"`
	// Capabilities says that another version of the cluster, or other APIs, may give another result.
	Capabilities bool         `json:"capabilities"`
	Dependencies []Dependency `json:"dependencies"`
}

// Object is one manifest and the file that it came from.
type Object struct {
	Object json.RawMessage `json:"object"`
	File   string          `json:"file"`
	Hook   *Hook           `json:"hook,omitempty"`
	// Secret says that a Secret's value was filled in.
	Secret bool `json:"secret,omitempty"`
	// Placed says that nobody wrote the namespace: Kustomize's transformer, or a template's habit, put it there.
	Placed bool `json:"placed,omitempty"`
}

// Hook is what Helm's annotations say of an object.
type Hook struct {
	Events         []string `json:"events"`
	Weight         int      `json:"weight"`
	DeletePolicies []string `json:"deletePolicies"`
}

// Dependency is a path that the answer depends on, and how: the content of a blob, the names and blobs of a
// listing, everything of a subtree, that a dir is there, that there is none.
type Dependency struct {
	Path string `json:"path"`
	As   string `json:"as"`
}

func readFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxFrame {
		return nil, fmt.Errorf("a message of %d bytes is longer than %d", size, maxFrame)
	}
	body := make([]byte, size)
	_, err := io.ReadFull(r, body)
	return body, err
}

func writeFrame(w io.Writer, message Outgoing) error {
	var frame bytes.Buffer
	frame.Write([]byte{0, 0, 0, 0})
	encoder := json.NewEncoder(&frame)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(message); err != nil {
		return err
	}
	body := frame.Bytes()
	binary.BigEndian.PutUint32(body, uint32(len(body)-4))
	_, err := w.Write(body)
	return err
}
