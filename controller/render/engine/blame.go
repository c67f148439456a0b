package main

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/yaml"
)

// build runs Kustomize on a directory with the request's parameters; the inspector knows what it read. There is none
// beside an error that is not Kustomize's own.
func build(request *Request, repository *Repository) (resmap.ResMap, *Inspector, error) {
	inspector := newInspector(request, repository)
	system := &FileSystem{repository: repository, inspect: inspector.inspect}
	if request.Kind == "kustomize" {
		made, err := generated(request, repository)
		if err != nil {
			return nil, nil, err
		}
		system.generated, system.at = made, join(request.Root, "kustomization.yaml")
	}
	built, err := kustomizer().Run(system, path.Join(mount, request.Root))
	if system.refused != nil {
		return nil, nil, system.refused
	}
	return built, inspector, err
}

// parameter is one of an Application's, by the field it stands in.
type parameter struct {
	field string
	put   func(*KustomizeParams)
	// target is whom a patch is for, in words.
	target string
}

// blaming is how long may be searched for the parameter: the message itself must not come too late for its deadline.
const blaming = 2 * time.Second

// blamed finds the parameter of an Application that makes its build fail: the first without which, and without all
// that stand behind it, the build succeeds. There is none where the files fail by themselves.
func blamed(request *Request, repository *Repository) *parameter {
	list, begun := request.Kustomize.list(), time.Now()
	fails := func(count int) bool {
		some := *request
		some.Kustomize = KustomizeParams{IgnoreMissingComponents: request.Kustomize.IgnoreMissingComponents}
		for _, one := range list[:count] {
			one.put(&some.Kustomize)
		}
		_, _, err := build(&some, repository)
		return err != nil
	}
	if len(list) == 0 || fails(0) {
		return nil
	}
	good, bad := 0, len(list)
	for bad-good > 1 {
		if time.Since(begun) > blaming {
			return nil
		}
		if middle := (good + bad) / 2; fails(middle) {
			bad = middle
		} else {
			good = middle
		}
	}
	return &list[bad-1]
}

// list holds all parameters that are set, one by one, in the order in which Kustomize uses them.
func (p *KustomizeParams) list() []parameter {
	var list []parameter
	add := func(field string, index int, put func(*KustomizeParams)) {
		list = append(list, parameter{field: fmt.Sprintf("%s%s[%d]", spec, field, index), put: put})
	}
	for index, one := range p.Components {
		add("components", index, func(q *KustomizeParams) { q.Components = append(q.Components, one) })
	}
	for index, one := range p.Patches {
		add("patches", index, func(q *KustomizeParams) { q.Patches = append(q.Patches, one) })
		list[len(list)-1].target = targeted(one)
	}
	for index, one := range p.Images {
		add("images", index, func(q *KustomizeParams) { q.Images = append(q.Images, one) })
	}
	for index, one := range p.Replicas {
		add("replicas", index, func(q *KustomizeParams) { q.Replicas = append(q.Replicas, one) })
	}
	for _, one := range []parameter{
		{field: "commonAnnotations", put: func(q *KustomizeParams) { q.CommonAnnotations = p.CommonAnnotations }},
		{field: "commonLabels", put: func(q *KustomizeParams) {
			q.CommonLabels, q.LabelWithoutSelector = p.CommonLabels, p.LabelWithoutSelector
			q.LabelIncludeTemplates = p.LabelIncludeTemplates
		}},
		{field: "namePrefix", put: func(q *KustomizeParams) { q.NamePrefix = p.NamePrefix }},
		{field: "nameSuffix", put: func(q *KustomizeParams) { q.NameSuffix = p.NameSuffix }},
		{field: "namespace", put: func(q *KustomizeParams) { q.Namespace = p.Namespace }},
	} {
		var alone KustomizeParams
		if one.put(&alone); !alone.none() {
			list = append(list, parameter{field: spec + one.field, put: one.put})
		}
	}
	return list
}

// targeted says whom a patch selects.
func targeted(patch map[string]any) string {
	target, _ := patch["target"].(map[string]any)
	var said []string
	for _, field := range []string{"group", "version", "kind", "namespace", "name", "labelSelector", "annotationSelector"} {
		if value, _ := target[field].(string); value != "" {
			said = append(said, field+" "+clip(value))
		}
	}
	return strings.Join(said, ", ")
}

var (
	configured = regexp.MustCompile("(?s) with config: `.*?\n?`")
	unscaled   = regexp.MustCompile(`resource with name (\S+) does not match a config with the following GVK.*`)
	unpatched  = regexp.MustCompile(`(?s)(?:trouble configuring builtin \S+: )?unable to parse SM or JSON patch from \[(?:patch: )?(.*)\]`)
	inline     = regexp.MustCompile(`(?s)\[patch: (".*")\]`)
	beginning  = regexp.MustCompile(`^"?\s*(?:- )?([A-Za-z][A-Za-z0-9_-]{0,30}):`)
)

// begins tells which patch it is by its operations, or by its first key. Its values stay untold: they may be a
// Secret's.
func begins(patch string) string {
	var operations []struct{ Op, Path string }
	if text, err := strconv.Unquote(patch); err == nil && yaml.Unmarshal([]byte(text), &operations) == nil {
		var said []string
		for _, one := range operations[:min(len(operations), 3)] {
			said = append(said, clip(one.Op)+" "+clip(one.Path))
		}
		if len(said) > 0 {
			return " (it begins with the operation " + strings.Join(said, ", ") + ")"
		}
	}
	if match := beginning.FindStringSubmatch(patch); match != nil {
		return " (it begins with " + match[1] + ":)"
	}
	return ""
}

// readable takes Kustomize's own configuration out of a message, and says in words what it says in types.
func readable(text string) string {
	text = configured.ReplaceAllString(text, "")
	text = unscaled.ReplaceAllString(text,
		"no Deployment, StatefulSet, ReplicaSet or ReplicationController is named $1")
	if match := unpatched.FindStringSubmatch(text); match != nil {
		return "neither a strategic merge patch nor a JSON patch" + begins(match[1])
	}
	return inline.ReplaceAllStringFunc(text, func(found string) string {
		return "the patch" + begins(inline.FindStringSubmatch(found)[1])
	})
}

// failure says what is wrong with the parameter.
func (p *parameter) failure(text string) *Failure {
	if p.target != "" {
		text += " (its target: " + p.target + ")"
	}
	return wrong("", "%s: %s", p.field, text).of(p.field)
}
