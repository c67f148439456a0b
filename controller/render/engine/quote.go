package main

import (
	"regexp"
	"sort"
	"strconv"
	"strings"
)

const (
	withheld = "(redacted)"
	// shortestQuoted and shortestBare are the lengths of the shortest values that are looked for between quotes,
	// and anywhere: shorter ones would make nonsense of messages, and keep no secret.
	shortestQuoted, shortestBare = 4, 8
	mostValues                   = 5000
)

// unquoted is a text without the values that it quotes: Helm, its templates and schemas repeat what they refuse, and
// values are where people put passwords. Names of values stay.
func unquoted(text string, values any) string {
	found := map[string]bool{}
	texts(values, found)
	list := make([]string, 0, len(found))
	for value := range found {
		list = append(list, value)
	}
	sort.Slice(list, func(i, j int) bool { return len(list[i]) > len(list[j]) })
	for _, value := range list {
		for _, form := range []string{value, strings.Trim(strconv.Quote(value), `"`)} {
			if !strings.Contains(text, form) {
				continue
			}
			for _, quote := range []string{`"`, `'`, "`"} {
				text = strings.ReplaceAll(text, quote+form+quote, quote+withheld+quote)
			}
			if len(form) >= shortestBare {
				text = bare(form).ReplaceAllString(text, "${1}"+withheld+"${2}")
			}
		}
	}
	return text
}

// bare finds a value that is no part of a longer word, path or name.
func bare(value string) *regexp.Regexp {
	return regexp.MustCompile(`(^|[^\w/.-])` + regexp.QuoteMeta(value) + `($|[^\w/-])`)
}

func texts(value any, found map[string]bool) {
	if len(found) >= mostValues {
		return
	}
	switch value := value.(type) {
	case string:
		if len(value) >= shortestQuoted {
			found[value] = true
		}
	case map[string]any:
		for _, inner := range value {
			texts(inner, found)
		}
	case []any:
		for _, inner := range value {
			texts(inner, found)
		}
	default:
		if table, ok := asTable(value); ok {
			texts(map[string]any(table), found)
		}
	}
}
