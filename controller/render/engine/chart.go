package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/ignore"
)

// load reads the chart's directory, less what .helmignore names.
func (r *chartRender) load() error {
	entries, err := r.repository.Subtree(r.request.Root)
	if err != nil {
		return err
	}
	rules, err := r.ignoreRules()
	if err != nil {
		return err
	}
	var chosen []Entry
	for _, entry := range entries {
		if ignored(rules, entry) {
			continue
		}
		name := join(r.request.Root, entry.Path)
		if failure := hidden(name, Found{Kind: entry.Kind}); failure != nil {
			return failure.remedy(failure.Remedy + ", or name it in .helmignore")
		}
		chosen = append(chosen, entry)
	}
	contents, err := r.repository.Read(r.request.Root, chosen)
	if err != nil {
		return err
	}
	files := make([]*archive.BufferedFile, 0, len(chosen))
	for i, entry := range chosen {
		data := bytes.TrimPrefix(contents[i], []byte("\xef\xbb\xbf"))
		if err := r.readStrictly(entry.Path, data); err != nil {
			return err
		}
		files = append(files, &archive.BufferedFile{Name: entry.Path, Data: data})
	}
	r.chart, err = loader.LoadFiles(files)
	return err
}

// asksForCluster says whether the result may depend on what the cluster is: a name that stands nowhere in the chart
// and its values is asked for nowhere.
func (r *chartRender) asksForCluster() bool {
	values, err := json.Marshal(r.request.Helm)
	return err != nil || bytes.Contains(values, capabilities) || namesCapabilities(r.chart)
}

var capabilities = []byte("Capabilities")

func namesCapabilities(c *chart.Chart) bool {
	if c.Metadata.KubeVersion != "" {
		return true
	}
	for _, file := range slices.Concat(c.Raw, c.Templates, c.Files) {
		if bytes.Contains(file.Data, capabilities) {
			return true
		}
	}
	return slices.ContainsFunc(c.Dependencies(), namesCapabilities)
}

// readStrictly reads the files of a chart that are YAML for certain; templates are text until they are rendered.
func (r *chartRender) readStrictly(name string, data []byte) error {
	switch path.Base(name) {
	case "Chart.yaml", "Chart.lock", "values.yaml", "requirements.yaml", "requirements.lock":
	default:
		return nil
	}
	if strings.Contains(name, "templates/") {
		return nil
	}
	_, err := readDocuments(join(r.request.Root, name), data, r.request.Limits)
	return err
}

func (r *chartRender) ignoreRules() (*ignore.Rules, error) {
	rules := ignore.Empty()
	data, err := r.repository.Blob(join(r.request.Root, ignore.HelmIgnore))
	if err != nil {
		return nil, err
	}
	if data != nil {
		if rules, err = ignore.Parse(bytes.NewReader(data)); err != nil {
			return nil, wrong(join(r.request.Root, ignore.HelmIgnore), ".helmignore: %v", err)
		}
	}
	rules.AddDefaults()
	return rules, nil
}

// ignored tries a file and every directory above it, as a walk from the top would.
func ignored(rules *ignore.Rules, entry Entry) bool {
	for i := range entry.Path {
		if entry.Path[i] == '/' && rules.Ignore(entry.Path[:i], info{path.Base(entry.Path[:i]), true}) {
			return true
		}
	}
	return rules.Ignore(entry.Path, info{path.Base(entry.Path), false})
}

// info is what the rules ask of a file.
type info struct {
	name      string
	directory bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return 0 }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.directory }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.directory {
		return fs.ModeDir
	}
	return 0
}
