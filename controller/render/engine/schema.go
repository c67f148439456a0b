package main

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	chart "helm.sh/helm/v4/pkg/chart/v2"
)

const schemaURL = "file:///values.schema.json"

// chartLoader resolves references between the schema files of one chart; all others are refused, so that
// no schema reads the host's files or the network.
type chartLoader struct{ chart *chart.Chart }

// Load answers a reference that leaves the document.
func (l chartLoader) Load(url string) (any, error) {
	if name, local := strings.CutPrefix(url, "file:///"); local {
		for _, file := range l.chart.Raw {
			if file.Name == path.Clean(name) {
				return jsonschema.UnmarshalJSON(bytes.NewReader(file.Data))
			}
		}
	}
	return nil, errors.New("not a file of the chart")
}

// compile returns a chart's schema; nil when it has none.
func compile(c *chart.Chart) (*jsonschema.Schema, error) {
	if c.Schema == nil {
		return nil, nil
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.Schema))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(chartLoader{c})
	if err := compiler.AddResource(schemaURL, document); err != nil {
		return nil, err
	}
	return compiler.Compile(schemaURL)
}

// checkSchemas compiles the schemas of a chart and its subcharts.
func checkSchemas(c *chart.Chart, root string) error {
	if _, err := compile(c); err != nil {
		failure := wrong(join(root, "values.schema.json"), "the schema of chart %s: %v", c.Name(), err)
		var load *jsonschema.LoadURLError
		if errors.As(err, &load) {
			failure = wrong(join(root, "values.schema.json"), "the schema of chart %s refers to %s, which is not a file of the chart", c.Name(), load.URL).
				of("$ref").remedy("copy what it refers to into the schema's $defs")
		}
		return failure
	}
	for _, dependency := range c.Dependencies() {
		if err := checkSchemas(dependency, join(join(root, "charts"), dependency.Name())); err != nil {
			return err
		}
	}
	return nil
}

// validate holds the values against the schemas of a chart and of every subchart that has values.
func validate(c *chart.Chart, values any, root string) error {
	complaints := complain(c, values)
	if complaints == "" {
		return nil
	}
	return wrong(join(root, "values.schema.json"), "the values do not meet the schema: %s", complaints).
		of("spec.source.helm.values").remedy("correct the values named")
}

func complain(c *chart.Chart, values any) string {
	var all strings.Builder
	table, ok := asTable(values)
	if !ok {
		return fmt.Sprintf("%s: a mapping is expected, not %T", c.Name(), values)
	}
	if schema, err := compile(c); err == nil && schema != nil {
		if err := schema.Validate(table); err != nil {
			text := strings.TrimPrefix(err.Error(), "jsonschema validation failed with '"+schemaURL+"#'\n")
			fmt.Fprintf(&all, "%s: %s", c.Name(), strings.TrimSpace(text))
		}
	}
	for _, dependency := range c.Dependencies() {
		if inner, given := table[dependency.Name()]; given && inner != nil {
			if more := complain(dependency, inner); more != "" {
				fmt.Fprintf(&all, "\n%s", more)
			}
		}
	}
	return strings.TrimSpace(all.String())
}
