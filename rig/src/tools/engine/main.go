// Helm's own engine as one long process: a request per line of standard input, an answer per line of standard output,
// both JSON. The tests ask it what a chart becomes, the benchmark how long that takes.
//
// What is random or depends on the clock has the fixed answers that the tests give to the other side, too.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"
	"text/template"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	"helm.sh/helm/v4/pkg/strvals"
	"sigs.k8s.io/yaml"
)

// One thing to do: render `files`, or the chart in `folder`; compute values alone; or measure.
type request struct {
	Files  map[string]string `json:"files"`
	Folder string            `json:"folder"`
	// The text of a values file.
	Values string `json:"values"`
	// Kind (`set`, `string`, `json`, `literal`, `file`) and text, in this order.
	Set [][2]string `json:"set"`
	// Only the values that a user gives are wanted.
	Given bool `json:"given"`
	// Above 0: how long it takes, so many times.
	Rounds int `json:"rounds"`
}

type answer struct {
	Files map[string]string `json:"files,omitempty"`
	Given any               `json:"given,omitempty"`
	Error string            `json:"error,omitempty"`
	// Nanoseconds of each round: loading, and all that follows.
	Load   []int64 `json:"load,omitempty"`
	Render []int64 `json:"render,omitempty"`
	Bytes  int     `json:"bytes,omitempty"`
}

func main() {
	log.SetOutput(io.Discard)
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) == 0 && err != nil {
			return
		}
		var asked request
		var said answer
		if err := json.Unmarshal(line, &asked); err != nil {
			said.Error = "request: " + err.Error()
		} else {
			said = answered(asked)
		}
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(said); err != nil {
			fmt.Fprintf(out, "{\"error\":%q}\n", "answer: "+err.Error())
		}
		out.Flush()
	}
}

func answered(asked request) (said answer) {
	defer func() {
		if r := recover(); r != nil {
			said = answer{Error: fmt.Sprintf("panic: %v", r)}
		}
	}()
	if asked.Rounds > 0 {
		return measured(asked)
	}
	given, err := given(asked)
	if err != nil {
		return answer{Error: err.Error()}
	}
	if asked.Given {
		text, err := yaml.Marshal(given)
		if err != nil {
			return answer{Error: err.Error()}
		}
		return answer{Given: string(text)}
	}
	loaded, err := load(asked)
	if err != nil {
		return answer{Error: err.Error()}
	}
	files, err := render(loaded, given)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Files: files}
}

func measured(asked request) answer {
	var said answer
	for round := 0; round < asked.Rounds; round++ {
		began := time.Now()
		loaded, err := load(asked)
		if err != nil {
			return answer{Error: err.Error()}
		}
		said.Load = append(said.Load, time.Since(began).Nanoseconds())
		given, err := given(asked)
		if err != nil {
			return answer{Error: err.Error()}
		}
		began = time.Now()
		files, err := render(loaded, given)
		said.Render = append(said.Render, time.Since(began).Nanoseconds())
		if err != nil {
			return answer{Error: err.Error()}
		}
		said.Bytes = 0
		for _, text := range files {
			said.Bytes += len(text)
		}
	}
	return said
}

func load(asked request) (*chart.Chart, error) {
	if asked.Folder != "" {
		return loader.LoadDir(asked.Folder)
	}
	var files []*archive.BufferedFile
	for name, text := range asked.Files {
		files = append(files, &archive.BufferedFile{Name: name, Data: []byte(text)})
	}
	return loader.LoadFiles(files)
}

// As helm's `values.Options.MergeValues` does it, but in the order of the request.
func given(asked request) (map[string]any, error) {
	base, err := loader.LoadValues(bytes.NewReader([]byte(asked.Values)))
	if err != nil {
		return nil, fmt.Errorf("failed to parse values: %w", err)
	}
	base = loader.MergeMaps(map[string]any{}, base)
	for _, set := range asked.Set {
		kind, text := set[0], set[1]
		switch kind {
		case "set":
			err = said("--set", strvals.ParseInto(text, base))
		case "string":
			err = said("--set-string", strvals.ParseIntoString(text, base))
		case "literal":
			err = said("--set-literal", strvals.ParseLiteralInto(text, base))
		case "json":
			trimmed := strings.TrimSpace(text)
			if strings.HasPrefix(trimmed, "{") {
				var object map[string]any
				if json.Unmarshal([]byte(trimmed), &object) != nil {
					return nil, fmt.Errorf("failed parsing --set-json data JSON: %s", text)
				}
				base = loader.MergeMaps(base, object)
			} else if strvals.ParseJSON(text, base) != nil {
				return nil, fmt.Errorf("failed parsing --set-json data %s", text)
			}
		default:
			err = fmt.Errorf("unknown kind %s", kind)
		}
		if err != nil {
			return nil, err
		}
	}
	return base, nil
}

func said(flag string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("failed parsing %s data: %w", flag, err)
}

func render(loaded *chart.Chart, given map[string]any) (map[string]string, error) {
	if err := chartutil.ProcessDependencies(loaded, given); err != nil {
		return nil, err
	}
	options := common.ReleaseOptions{Name: "rel", Namespace: "default", Revision: 1, IsInstall: true}
	values, err := util.ToRenderValues(loaded, given, options, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Engine{CustomTemplateFuncs: fixed}.Render(loaded, values)
}

type certificate struct{ Cert, Key string }

func repeated(text string) func(int) string {
	return func(count int) string { return strings.Repeat(text, count) }
}

func certified(...any) (certificate, error) { return certificate{"CERT", "KEY"}, nil }

var fixed = template.FuncMap{
	"randAlphaNum": repeated("x"), "randAlpha": repeated("x"), "randAscii": repeated("x"),
	"randNumeric": repeated("1"), "randBytes": func(count int) (string, error) { return strings.Repeat("x", count), nil },
	"randInt":       func(least, below int) int { return least },
	"htpasswd":      func(user, password string) string { return user + ":HT" },
	"bcrypt":        func(string) string { return "BC" },
	"genPrivateKey": func(string) string { return "PK" },
	"uuidv4":        func() string { return "00000000-0000-4000-8000-000000000000" },
	"shuffle":       func(text string) string { return text },
	"now":           func() time.Time { return time.Unix(1700000000, 0).UTC() },
	"genCA":         certified, "genCAWithKey": certified, "buildCustomCert": certified,
	"genSelfSignedCert": certified, "genSelfSignedCertWithKey": certified,
	"genSignedCert": certified, "genSignedCertWithKey": certified,
}
