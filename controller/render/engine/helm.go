package main

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
)

// chartRender is one chart on its way to objects.
type chartRender struct {
	request    *Request
	repository *Repository
	chart      *chart.Chart
	functions  *functions
	manifests  *Manifests
	warnings   *warnings
	given      any // the values, as the templates have them; nil before they are merged
}

// renderHelm renders a chart as `helm template --include-crds` does.
func renderHelm(request *Request, repository *Repository) (*Answer, error) {
	r := &chartRender{
		request: request, repository: repository,
		functions: newFunctions(), manifests: newManifests(request), warnings: captureWarnings(),
	}
	defer r.warnings.release()
	archive.MaxDecompressedChartSize = request.Limits.TotalBytes
	for _, step := range []func() error{r.load, r.check, r.render} {
		if err := step(); err != nil {
			return nil, r.failure(err)
		}
	}
	return &Answer{
		Objects: r.manifests.objects, Warnings: r.told(append(r.warnings.lines, r.functions.warnings()...)),
		Nondeterministic: r.functions.nondeterministic, Capabilities: r.asksForCluster(),
	}, nil
}

// check refuses charts that can't be installed, and dependencies that are not vendored.
func (r *chartRender) check() error {
	metadata := r.chart.Metadata
	if metadata.Type != "" && metadata.Type != "application" {
		return wrong(join(r.request.Root, "Chart.yaml"), "%s is a %s chart, which can't be installed", r.chart.Name(), metadata.Type).
			of("type").remedy("point spec.source.path at a chart of type application")
	}
	if metadata.Deprecated {
		r.warnings.add("this chart is deprecated")
	}
	var absent []string
	for _, wanted := range metadata.Dependencies {
		vendored := slices.ContainsFunc(r.chart.Dependencies(), func(c *chart.Chart) bool { return c.Name() == wanted.Name })
		if !vendored {
			absent = append(absent, wanted.Name)
		}
	}
	if len(absent) > 0 {
		return wrong(join(r.request.Root, "Chart.yaml"), "the chart depends on %s, which is not in its charts/ directory", strings.Join(absent, ", ")).
			of("dependencies").remedy("run `helm dependency build` and commit charts/")
	}
	return checkSchemas(r.chart, r.request.Root)
}

// values merges the values files in order, the inline values over them, and parameters over all.
func (r *chartRender) values() (map[string]any, error) {
	merged := map[string]any{}
	for _, file := range r.request.Helm.ValueFiles {
		data, name, err := r.named("spec.source.helm.valueFiles", "values file", file)
		if absent(err) && r.request.Helm.IgnoreMissingValueFiles {
			continue
		}
		if err != nil {
			return nil, err
		}
		if _, err := readDocuments(name, data, r.request.Limits); err != nil {
			return nil, err
		}
		read, err := loader.LoadValues(bytes.NewReader(data))
		if err != nil {
			return nil, wrong(name, "%s: %v", name, err)
		}
		merged = loader.MergeMaps(merged, read)
	}
	merged = loader.MergeMaps(merged, r.request.Helm.Values)
	return merged, r.parameters(merged)
}

func (r *chartRender) render() error {
	values, err := r.values()
	if err != nil {
		return err
	}
	r.given = values
	if err := chartutil.ProcessDependencies(r.chart, values); err != nil {
		return err
	}
	capabilities, err := r.capabilities()
	if err != nil {
		return err
	}
	options := common.ReleaseOptions{
		Name: r.request.Helm.ReleaseName, Namespace: r.request.Namespace, Revision: 1, IsInstall: true,
	}
	scope, err := util.ToRenderValuesWithSchemaValidation(r.chart, values, options, capabilities, true)
	if err != nil {
		return err
	}
	r.given = scope["Values"]
	if !r.request.Helm.SkipSchema {
		if err := validate(r.chart, scope["Values"], r.request.Root); err != nil {
			return err
		}
	}
	helm := engine.Engine{CustomTemplateFuncs: r.functions.overrides()}
	files, err := helm.Render(r.chart, scope)
	if err != nil {
		return err
	}
	return r.sort(files)
}

func (r *chartRender) capabilities() (*common.Capabilities, error) {
	capabilities := common.DefaultCapabilities.Copy()
	if r.request.KubeVersion != "" {
		version, err := common.ParseKubeVersion(r.request.KubeVersion)
		if err != nil {
			return nil, wrong("", "the cluster's version %q: %v", r.request.KubeVersion, err)
		}
		capabilities.KubeVersion = *version
	}
	capabilities.APIVersions = slices.Concat(capabilities.APIVersions, r.request.APIVersions)
	wanted := r.chart.Metadata.KubeVersion
	if wanted != "" && !chartutil.IsCompatibleRange(wanted, capabilities.KubeVersion.String()) {
		return nil, wrong(join(r.request.Root, "Chart.yaml"), "the chart wants Kubernetes %s, the cluster has %s",
			wanted, capabilities.KubeVersion.Version).of("kubeVersion").
			remedy("use a version of the chart that supports this cluster")
	}
	return capabilities, nil
}

// sort hands over the objects in the order of an install: CRDs, manifests by kind, hooks by kind.
func (r *chartRender) sort(files map[string]string) error {
	for name := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return r.unreadable(files, err)
	}
	if err := r.crds(); err != nil {
		return err
	}
	for _, manifest := range manifests {
		if err := r.add(r.file(manifest.Name), manifest.Content, nil); err != nil {
			return err
		}
	}
	for _, hook := range hooks {
		if r.request.Helm.SkipTests && slices.Contains(hook.Events, release.HookTest) {
			continue
		}
		if err := r.add(r.file(hook.Path), hook.Manifest, newHook(hook)); err != nil {
			return err
		}
	}
	return nil
}

// crds adds the CRDs of the chart and its subcharts; of two with one name the first counts, as in an install.
func (r *chartRender) crds() error {
	if r.request.Helm.SkipCRDs {
		return nil
	}
	for _, crd := range r.chart.CRDObjects() {
		file := r.file(crd.Filename)
		documents, err := readDocuments(file, crd.File.Data, r.request.Limits)
		if err != nil {
			return err
		}
		for _, document := range documents {
			if first := r.manifests.declaredIn(document); first != "" {
				r.warnings.add(fmt.Sprintf("%s: already in %s, left out", file, first))
				continue
			}
			if err := r.manifests.add(file, document, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// unreadable finds the template whose output is no YAML, to say it as everywhere else.
func (r *chartRender) unreadable(files map[string]string, err error) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.Contains(err.Error(), name) {
			continue
		}
		if _, err := r.read(r.file(name), files[name]); err != nil {
			return err
		}
	}
	return err
}

// read reads what a template renders to; a line of it is no line of the template.
func (r *chartRender) read(file, content string) ([]Document, error) {
	documents, err := readDocuments(file, []byte(content), r.request.Limits)
	if err != nil {
		failure := asFailure(err, file)
		failure.Message += fmt.Sprintf(" (line %d of what the template renders to)", failure.Line)
		failure.Line = 0
		return nil, failure
	}
	return documents, nil
}

func (r *chartRender) add(file, content string, hook *Hook) error {
	documents, err := r.read(file, content)
	if err != nil {
		return err
	}
	for _, document := range documents {
		if document.null() {
			continue
		}
		if err := r.manifests.add(file, document, hook); err != nil {
			failure := asFailure(err, file)
			failure.Line = 0
			return failure
		}
	}
	return nil
}

func newHook(hook *release.Hook) *Hook {
	made := &Hook{Events: []string{}, Weight: hook.Weight, DeletePolicies: []string{}}
	for _, event := range hook.Events {
		made.Events = append(made.Events, string(event))
	}
	for _, policy := range hook.DeletePolicies {
		made.DeletePolicies = append(made.DeletePolicies, string(policy))
	}
	sort.Strings(made.Events)
	return made
}

// file turns Helm's name of a template (CHART/templates/a.yaml) into a path of the repository.
func (r *chartRender) file(name string) string {
	_, inner, _ := strings.Cut(name, "/")
	return join(r.request.Root, inner)
}

var templatePlace = regexp.MustCompile(`([^\s("':]+/(?:templates|crds)/[^\s("':]+)(?::(\d+))?`)

// told are lines without the values that they quote.
func (r *chartRender) told(lines []string) []string {
	for index, line := range lines {
		lines[index] = unquoted(line, r.given)
	}
	return lines
}

// failure finds file and line in what Helm says.
func (r *chartRender) failure(err error) *Failure {
	failure := asFailure(err, "")
	defer func() { failure.Message = unquoted(failure.Message, r.given) }()
	if failure.File != "" || failure.Kind != "input" {
		return failure
	}
	failure.File = join(r.request.Root, "Chart.yaml")
	failure.Message = strings.TrimSpace(failure.Message)
	if match := templatePlace.FindStringSubmatch(failure.Message); match != nil {
		failure.File = r.file(match[1])
		failure.Line, _ = strconv.Atoi(match[2])
	}
	return failure
}
