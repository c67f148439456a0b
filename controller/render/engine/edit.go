package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
)

// spec is where an Application says it, for messages.
const spec = "spec.source.kustomize."

// none says that nothing of the kustomization file is to be changed.
func (p *KustomizeParams) none() bool { return reflect.DeepEqual(*p, KustomizeParams{}) }

// edit puts the Application's parameters into the root's kustomization file, as `kustomize edit` would: a value
// takes the place of the file's own, lists grow at their end, images and replicas are merged by name.
func (i *Inspector) edit(name string, document json.RawMessage) (json.RawMessage, error) {
	var file map[string]any
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	if err := decoder.Decode(&file); err != nil {
		return nil, err
	}
	if file == nil {
		file = map[string]any{}
	}
	p := i.params
	for field, value := range map[string]string{
		"namePrefix": p.NamePrefix, "nameSuffix": p.NameSuffix, "namespace": p.Namespace,
	} {
		if value != "" {
			file[field] = value
		}
	}
	if err := i.components(name, file); err != nil {
		return nil, err
	}
	if err := i.patches(name, file); err != nil {
		return nil, err
	}
	for index, image := range p.Images {
		if err := checkImage(name, fmt.Sprintf("%simages[%d].name", spec, index), image["name"]); err != nil {
			return nil, err
		}
	}
	mergeByName(file, "images", p.Images, mergeImage)
	mergeByName(file, "replicas", p.Replicas, func(old, edit map[string]any) { maps.Copy(old, edit) })
	overlay(file, "commonAnnotations", p.CommonAnnotations)
	if err := i.labels(name, file); err != nil {
		return nil, err
	}
	return json.Marshal(file)
}

// components appends those that exist, or all where none may be missing.
func (i *Inspector) components(name string, file map[string]any) error {
	for index, component := range i.params.Components {
		field := fmt.Sprintf("%scomponents[%d]", spec, index)
		err := i.check(name, path.Dir(name), reference{field, component, false})
		if absent(err) && i.params.IgnoreMissingComponents {
			continue
		}
		if err != nil {
			return err
		}
		file["components"] = append(listOf(file["components"]), component)
	}
	return nil
}

func (i *Inspector) patches(name string, file map[string]any) error {
	for index, patch := range i.params.Patches {
		field := fmt.Sprintf("%spatches[%d]", spec, index)
		if err := checkEmbedded(field, patch, i.limits); err != nil {
			return err
		}
		if from, _ := patch["path"].(string); from != "" {
			if err := i.check(name, path.Dir(name), reference{field + ".path", from, false}); err != nil {
				return err
			}
		}
		file["patches"] = append(listOf(file["patches"]), patch)
	}
	return nil
}

// labels adds them to what the file says: with selectors where it is not told otherwise.
func (i *Inspector) labels(name string, file map[string]any) error {
	p := i.params
	if len(p.CommonLabels) == 0 {
		return nil
	}
	if !p.LabelWithoutSelector {
		overlay(file, "commonLabels", p.CommonLabels)
		return nil
	}
	common, _ := file["commonLabels"].(map[string]any)
	for _, label := range slices.Sorted(maps.Keys(p.CommonLabels)) {
		if _, taken := common[label]; taken {
			return wrong(name, "%scommonLabels: %s stands in commonLabels of %s, with selectors", spec, label, name).
				of(spec + "commonLabels").remedy("leave labelWithoutSelector out, or take the label out of the file")
		}
	}
	pairs := map[string]any{}
	for label, value := range p.CommonLabels {
		pairs[label] = value
	}
	file["labels"] = append(listOf(file["labels"]), map[string]any{
		"pairs": pairs, "includeSelectors": false, "includeTemplates": p.LabelIncludeTemplates,
	})
	return nil
}

// checkImage refuses a name that Kustomize, which takes it for a regular expression, would fall over.
func checkImage(file, field string, value any) error {
	name, _ := value.(string)
	if _, err := regexp.Compile("^" + name + "$"); err != nil {
		return wrong(file, "%s: %s: %q is no image's name", file, field, clip(name)).of(field).
			remedy("give the name as the manifests have it, without a tag")
	}
	return nil
}

// mergeImage changes single fields; a tag and a digest are one thing: the newer takes the place of the other.
func mergeImage(old, edit map[string]any) {
	if edit["newTag"] != nil || edit["digest"] != nil {
		delete(old, "newTag")
		delete(old, "digest")
		delete(old, "tagSuffix")
	}
	maps.Copy(old, edit)
}

func mergeByName(file map[string]any, field string, edits []map[string]any, merge func(old, edit map[string]any)) {
	list := listOf(file[field])
	for _, edit := range edits {
		index := slices.IndexFunc(list, func(one any) bool {
			known, _ := one.(map[string]any)
			return known["name"] == edit["name"]
		})
		if index < 0 {
			list = append(list, edit)
			continue
		}
		known, _ := list[index].(map[string]any)
		merge(known, edit)
	}
	if len(list) > 0 {
		file[field] = list
	}
}

func overlay(file map[string]any, field string, values map[string]string) {
	if len(values) == 0 {
		return
	}
	known, _ := file[field].(map[string]any)
	if known == nil {
		known = map[string]any{}
	}
	for name, value := range values {
		known[name] = value
	}
	file[field] = known
}

func listOf(value any) []any {
	list, _ := value.([]any)
	return list
}
