package main

import (
	"context"
	"io"
	"log"
	"log/slog"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
)

// maxWarnings bounds what one request may say.
const maxWarnings = 50

// warnings gathers what the libraries log while a request runs; one request runs at a time.
type warnings struct{ lines []string }

func captureWarnings() *warnings {
	w := &warnings{}
	slog.SetDefault(slog.New(w))
	log.SetFlags(0)
	return w
}

func (w *warnings) release() {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	log.SetOutput(io.Discard)
}

func (w *warnings) add(line string) {
	if len(w.lines) < maxWarnings {
		w.lines = append(w.lines, strings.TrimSpace(line))
	}
}

// Enabled takes everything from Info on: Helm reports hooks that it skips no louder.
func (w *warnings) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle makes a line of a record.
func (w *warnings) Handle(_ context.Context, record slog.Record) error {
	text := strings.TrimSpace(record.Message)
	record.Attrs(func(attribute slog.Attr) bool {
		text += " " + attribute.Key + "=" + attribute.Value.String()
		return true
	})
	for _, prefix := range []string{"warning: ", "Warning: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	w.add(text)
	return nil
}

// WithAttrs keeps nothing: the libraries log with plain records.
func (w *warnings) WithAttrs([]slog.Attr) slog.Handler { return w }

// WithGroup keeps nothing either.
func (w *warnings) WithGroup(string) slog.Handler { return w }

func asTable(values any) (map[string]any, bool) {
	switch values := values.(type) {
	case common.Values:
		return values, true
	case map[string]any:
		return values, true
	}
	return nil, false
}
