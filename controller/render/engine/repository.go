package main

import (
	"path"
	"sort"
	"strings"
)

// Repository answers look-ups in a commit's files by asking the controller, remembers the answers, and notes
// every path that the result depends on. It never sees a disk.
type Repository struct {
	ask    func(Ask) (Found, error)
	limits Limits

	nodes    map[string]*node
	subtrees map[string][]Entry
	bytes    int64
	files    int
	// dependencies maps a path to how it was used.
	dependencies map[Dependency]struct{}
}

// node is what stands at a path. A tree's children are nil until it was listed.
type node struct {
	kind     string
	children map[string]*node
	order    []string
	size     int64
	content  []byte
	loaded   bool
	// at is where the symlink or submodule stands; on the node itself when empty.
	at string
}

func newRepository(ask func(Ask) (Found, error), limits Limits) *Repository {
	return &Repository{
		ask: ask, limits: limits,
		nodes: map[string]*node{}, subtrees: map[string][]Entry{}, dependencies: map[Dependency]struct{}{},
	}
}

// Dependencies returns what was noted, in a fixed order, without what a subtree covers.
func (r *Repository) Dependencies() []Dependency {
	list := make([]Dependency, 0, len(r.dependencies))
	for dependency := range r.dependencies {
		if dependency.As == "subtree" || !r.covered(dependency.Path) {
			list = append(list, dependency)
		}
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].Path != list[j].Path {
			return list[i].Path < list[j].Path
		}
		return list[i].As < list[j].As
	})
	return list
}

func (r *Repository) covered(name string) bool {
	for {
		if _, noted := r.dependencies[Dependency{Path: name, As: "subtree"}]; noted {
			return true
		}
		if name == "" {
			return false
		}
		name = parentOf(name)
	}
}

func (r *Repository) note(name, as string) {
	r.dependencies[Dependency{Path: name, As: as}] = struct{}{}
}

// Kind says what stands at a path: blob, tree or "" for nothing; a symlink or a submodule is an error.
func (r *Repository) Kind(name string) (string, error) {
	found, err := r.node(name)
	if err != nil {
		return "", err
	}
	switch found.kind {
	case "blob":
		r.note(name, "blob")
	case "tree":
		r.note(name, "dir")
	default:
		r.note(name, "none")
	}
	return found.kind, nil
}

// Blob returns a file's content; nil and no error when there is no file.
func (r *Repository) Blob(name string) ([]byte, error) {
	found, err := r.node(name)
	if err != nil {
		return nil, err
	}
	if found.kind != "blob" {
		_, err = r.Kind(name)
		return nil, err
	}
	r.note(name, "blob")
	if !found.loaded {
		if err := r.load(name, found); err != nil {
			return nil, err
		}
	}
	return found.content, nil
}

// List returns the names of a directory in order, and notes that they matter; nil when there is none.
func (r *Repository) List(name string) ([]Entry, error) {
	found, err := r.node(name)
	if err != nil {
		return nil, err
	}
	if found.kind != "tree" {
		_, err = r.Kind(name)
		return nil, err
	}
	r.note(name, "listing")
	if found.children == nil {
		if _, err := r.fetch(name); err != nil {
			return nil, err
		}
		found = r.nodes[name]
	}
	entries := make([]Entry, 0, len(found.order))
	for _, child := range found.order {
		entries = append(entries, Entry{Path: child, Kind: found.children[child].kind, Size: found.children[child].size})
	}
	return entries, nil
}

// Subtree lists everything below a directory, without contents, and notes that all of it matters.
func (r *Repository) Subtree(name string) ([]Entry, error) {
	r.note(name, "subtree")
	if entries, known := r.subtrees[name]; known {
		return entries, nil
	}
	found, err := r.ask(Ask{Path: name, Deep: true})
	if err != nil {
		return nil, err
	}
	if failure := hidden(name, found); failure != nil {
		return nil, failure
	}
	if found.Kind == "large" {
		return nil, tooMuch(name, "%s holds more files than one Application may have", display(name)).
			remedy("point spec.source.path at a smaller directory")
	}
	r.subtrees[name] = found.Entries
	return found.Entries, nil
}

// Read returns the contents of files of a subtree, in the order of their names, in one look-up.
func (r *Repository) Read(name string, entries []Entry) ([][]byte, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	ask := Ask{Path: name}
	for _, entry := range entries {
		if err := r.count(join(name, entry.Path), entry.Size); err != nil {
			return nil, err
		}
		ask.Read = append(ask.Read, entry.Path)
	}
	found, err := r.ask(ask)
	if err != nil {
		return nil, err
	}
	if len(found.Entries) != len(entries) {
		return nil, &Failure{Kind: "internal", Message: "the controller did not send every file asked for"}
	}
	contents := make([][]byte, 0, len(entries))
	for _, entry := range found.Entries {
		data, sent, err := entry.Bytes()
		if err != nil || !sent {
			return nil, &Failure{Kind: "internal", Message: "the controller did not send " + entry.Path}
		}
		contents = append(contents, data)
	}
	return contents, nil
}

func (r *Repository) node(name string) (*node, error) {
	found := r.nodes[name]
	if found == nil {
		found = r.fromParent(name)
	}
	if found == nil {
		answer, err := r.fetch(name)
		if err != nil {
			return nil, err
		}
		found = answer
	}
	if found.kind == "symlink" || found.kind == "submodule" {
		at := found.at
		if at == "" {
			at = name
		}
		return nil, hidden(name, Found{Kind: found.kind, At: at})
	}
	return found, nil
}

// fromParent resolves a path by a listing that is already here.
func (r *Repository) fromParent(name string) *node {
	if name == "" {
		return nil
	}
	parent := r.nodes[parentOf(name)]
	if parent == nil || parent.children == nil {
		return nil
	}
	child := parent.children[path.Base(name)]
	if child == nil {
		child = &node{}
	}
	if child.kind != "tree" {
		r.nodes[name] = child
		return child
	}
	return nil // its own listing is wanted anyway
}

func (r *Repository) fetch(name string) (*node, error) {
	found, err := r.ask(Ask{Path: name})
	if err != nil {
		return nil, err
	}
	return r.keep(name, found)
}

// keep remembers an answer; the controller may also send one unasked, with the request.
func (r *Repository) keep(name string, found Found) (*node, error) {
	kept := &node{kind: found.Kind, at: found.At}
	switch found.Kind {
	case "none":
		kept.kind = ""
	case "large":
		return nil, tooMuch(name, "%s is larger than %d bytes", display(name), r.limits.FileBytes)
	case "blob":
		if err := r.fill(name, kept, found.Content); err != nil {
			return nil, err
		}
	case "tree":
		kept.children = make(map[string]*node, len(found.Entries))
		for _, entry := range found.Entries {
			child := &node{kind: entry.Kind, size: entry.Size}
			if err := r.fill(path.Join(name, entry.Path), child, entry.Content); err != nil {
				return nil, err
			}
			kept.children[entry.Path] = child
			kept.order = append(kept.order, entry.Path)
		}
	}
	r.nodes[name] = kept
	return kept, nil
}

func (r *Repository) load(name string, into *node) error {
	found, err := r.ask(Ask{Path: name})
	if err != nil {
		return err
	}
	if found.Kind != "blob" {
		return tooMuch(name, "%s is larger than %d bytes", name, r.limits.FileBytes)
	}
	return r.fill(name, into, found.Content)
}

func (r *Repository) fill(name string, into *node, content Content) error {
	data, sent, err := content.Bytes()
	if err != nil || !sent {
		return err
	}
	into.content, into.loaded = data, true
	return r.count(name, int64(len(data)))
}

func (r *Repository) count(name string, size int64) error {
	r.bytes += size
	r.files++
	if size > r.limits.FileBytes {
		return tooMuch(name, "%s is larger than %d bytes", name, r.limits.FileBytes)
	}
	if r.bytes > r.limits.TotalBytes {
		return tooMuch(name, "the files read are larger than %d bytes together", r.limits.TotalBytes)
	}
	if r.files > r.limits.Files {
		return tooMuch(name, "more than %d files are read", r.limits.Files)
	}
	return nil
}

// hidden says that a path can't be read because a symlink or a submodule stands there or above it.
func hidden(name string, found Found) *Failure {
	at := found.At
	if at == "" {
		at = name
	}
	switch found.Kind {
	case "symlink":
		return wrong(at, "%s is a symbolic link, which is never followed", display(at)).
			remedy("commit the file itself, or refer to the place that the link points at")
	case "submodule":
		return wrong(at, "%s is a Git submodule, which is never fetched", display(at)).
			remedy("commit the files themselves, or make that repository the source of an Application of its own")
	}
	return nil
}

func parentOf(name string) string {
	if cut := strings.LastIndexByte(name, '/'); cut >= 0 {
		return name[:cut]
	}
	return ""
}

// display is how people write a path of the repository.
func display(name string) string {
	if name == "" {
		return "the repository's root"
	}
	return name
}
