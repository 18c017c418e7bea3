// Dockerfiles as BuildKit's own front end reads them: one case per line in, what it asked a registry for out.
//
// Nothing is built and nothing is fetched. The front end converts each file with a gateway that answers every question for
// an image's configuration with one of its own, and writes down what was asked.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/frontend/gateway/client"
	gateways "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	fstypes "github.com/tonistiigi/fsutil/types"
)

type request struct {
	Text          string              `json:"text"`
	Target        string              `json:"target"`
	Platform      string              `json:"platform"`
	BuildPlatform string              `json:"build_platform"`
	Arguments     map[string]string   `json:"arguments"`
	Contexts      map[string]string   `json:"contexts"`
	Triggers      map[string][]string `json:"triggers"`
}

type asked struct {
	Reference string `json:"reference"`
	Platform  string `json:"platform"`
	Context   bool   `json:"context"`
}

type taken struct {
	Line int    `json:"line"`
	Kind string `json:"kind"`
	Name string `json:"name"`
}

type frontEnd struct {
	Reference string `json:"reference"`
	Line      int    `json:"line"`
}

type located struct {
	Reference string `json:"reference"`
	Platform  string `json:"platform"`
	Lines     []int  `json:"lines"`
}

type answer struct {
	// "", or how far it came: "parse", "convert".
	Failed   string    `json:"failed"`
	Error    string    `json:"error"`
	Asked    []asked   `json:"asked"`
	Located  []located `json:"located"`
	Taken    []taken   `json:"taken"`
	Runtime  *asked    `json:"runtime"`
	FrontEnd *frontEnd `json:"front_end"`
	Remote   []string  `json:"remote"`
}

type gateway struct {
	request *request
	options client.BuildOpts
	guard   sync.Mutex
	asked   []asked
}

func (g *gateway) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	platform := ocispecs.Platform{OS: "linux", Architecture: "amd64"}
	if opt.ImageOpt != nil && opt.ImageOpt.Platform != nil {
		platform = *opt.ImageOpt.Platform
	}
	full := ref
	if named, err := reference.ParseNormalizedNamed(ref); err == nil {
		full = reference.TagNameOnly(named).String()
	}
	one := asked{Reference: full, Platform: shown(platform), Context: strings.HasPrefix(opt.LogName, "[context ")}
	g.guard.Lock()
	if !slices.Contains(g.asked, one) {
		g.asked = append(g.asked, one)
	}
	g.guard.Unlock()
	told, _ := json.Marshal(one)
	config := map[string]any{
		"architecture": platform.Architecture, "os": platform.OS, "variant": platform.Variant, "os.version": platform.OSVersion,
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + strings.Repeat("0", 64)}},
		"config": map[string]any{"Labels": map[string]string{"origin": string(told)}, "OnBuild": g.request.Triggers[full]},
	}
	text, err := json.Marshal(config)
	return ref, "", text, err
}

func shown(platform ocispecs.Platform) string {
	return platforms.FormatAll(platforms.Normalize(platform))
}

func (g *gateway) ResolveSourceMetadata(context.Context, *pb.SourceOp, sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	return nil, errors.New("no sources here")
}
func (g *gateway) Solve(context.Context, client.SolveRequest) (*client.Result, error) {
	result := client.NewResult()
	result.SetRef(nothing{})
	return result, nil
}
func (g *gateway) BuildOpts() client.BuildOpts { return g.options }
func (g *gateway) Inputs(context.Context) (map[string]llb.State, error) {
	return map[string]llb.State{}, nil
}
func (g *gateway) NewContainer(context.Context, client.NewContainerRequest) (client.Container, error) {
	return nil, errors.New("no containers here")
}
func (g *gateway) Warn(context.Context, digest.Digest, string, client.WarnOpts) error { return nil }

// An empty folder.
type nothing struct{}

func (nothing) ToState() (llb.State, error)    { return llb.Scratch(), nil }
func (nothing) Evaluate(context.Context) error { return nil }
func (nothing) ReadFile(context.Context, client.ReadRequest) ([]byte, error) {
	return nil, os.ErrNotExist
}
func (nothing) StatFile(context.Context, client.StatRequest) (*fstypes.Stat, error) {
	return nil, os.ErrNotExist
}
func (nothing) ReadDir(context.Context, client.ReadDirRequest) ([]*fstypes.Stat, error) {
	return nil, nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	for lines.Scan() {
		var one request
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := encoder.Encode(answered(&one)); err != nil {
			os.Exit(1)
		}
		out.Flush()
	}
}

func answered(one *request) (found *answer) {
	found = &answer{}
	defer func() {
		if wrong := recover(); wrong != nil {
			found.Failed, found.Error = "panic", fmt.Sprint(wrong)
		}
	}()
	text := []byte(one.Text)
	// As frontend/dockerfile/builder does it.
	if given, ok := one.Arguments["BUILDKIT_SYNTAX"]; ok {
		if fields := strings.Fields(given); len(fields) > 0 {
			found.FrontEnd = &frontEnd{Reference: fields[0], Line: 1}
		}
	} else if ref, _, at, ok := parser.DetectSyntax(text); ok {
		found.FrontEnd = &frontEnd{Reference: ref}
		if len(at) > 0 {
			found.FrontEnd.Line = at[0].Start.Line
		}
	}
	if err := found.read(text); err != nil {
		found.Failed, found.Error = "parse", err.Error()
		return found
	}
	if err := found.convert(one, text); err != nil {
		found.Failed, found.Error = "convert", err.Error()
	}
	return found
}

// read lists what each instruction names, unresolved, with its line.
func (found *answer) read(text []byte) error {
	tree, err := parser.Parse(strings.NewReader(string(text)))
	if err != nil {
		return err
	}
	stages, _, err := instructions.Parse(tree.AST, nil)
	if err != nil {
		return err
	}
	for _, stage := range stages {
		found.take(stage.Location, "FROM", stage.BaseName)
		for _, command := range stage.Commands {
			found.command(command)
		}
	}
	return nil
}

func (found *answer) command(command instructions.Command) {
	switch it := command.(type) {
	case *instructions.CopyCommand:
		if it.From != "" {
			found.take(it.Location(), "COPY", it.From)
		}
	case *instructions.RunCommand:
		for _, mount := range instructions.GetMounts(it) {
			if mount.From != "" {
				found.take(it.Location(), "MOUNT", mount.From)
			}
		}
	}
}

func (found *answer) take(at []parser.Range, kind, name string) {
	line := 0
	if len(at) > 0 {
		line = at[0].Start.Line
	}
	found.Taken = append(found.Taken, taken{Line: line, Kind: kind, Name: name})
}

func (found *answer) convert(one *request, text []byte) error {
	target, err := platforms.Parse(one.Platform)
	if err != nil {
		return err
	}
	target = platforms.Normalize(target)
	builder, err := platforms.Parse(one.BuildPlatform)
	if err != nil {
		return err
	}
	opts := map[string]string{"platform": platforms.FormatAll(target)}
	if one.Target != "" {
		opts["target"] = one.Target
	}
	for name, value := range one.Arguments {
		opts["build-arg:"+name] = value
	}
	for name, value := range one.Contexts {
		opts["context:"+familiar(name)] = strings.Replace(value, "docker://", "docker-image://", 1)
	}
	gate := &gateway{request: one, options: client.BuildOpts{
		Opts:    opts,
		Workers: []client.WorkerInfo{{ID: "one", Platforms: []ocispecs.Platform{platforms.Normalize(builder)}}},
		LLBCaps: pb.Caps.CapSet(pb.Caps.All()),
		Caps:    gateways.Caps.CapSet(gateways.Caps.All()),
	}}
	asking, err := dockerui.NewClient(gate)
	if err != nil {
		return err
	}
	ctx := context.Background()
	result, err := dockerfile2llb.Dockerfile2LLB(ctx, text, dockerfile2llb.ConvertOpt{
		Config:         asking.Config,
		Client:         asking,
		TargetPlatform: &target,
		SourceMap:      llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", text),
		MetaResolver:   gate,
	})
	found.Asked = gate.asked
	sort.Slice(found.Asked, func(i, j int) bool {
		return found.Asked[i].Reference+found.Asked[i].Platform < found.Asked[j].Reference+found.Asked[j].Platform
	})
	if err != nil {
		return err
	}
	if told, ok := result.Image.Config.Labels["origin"]; ok {
		found.Runtime = &asked{}
		if err := json.Unmarshal([]byte(told), found.Runtime); err != nil {
			return err
		}
	}
	return found.sources(ctx, result, target)
}

// familiar is what a client makes of the name of a context before it sends it.
func familiar(key string) string {
	name, platform, special := strings.Cut(key, "::")
	if named, err := reference.ParseNormalizedNamed(name); err == nil {
		name = strings.TrimSuffix(reference.FamiliarString(named), ":latest")
	}
	if special {
		return name + "::" + platform
	}
	return name
}

// sources reads the graph that would be solved.
func (found *answer) sources(ctx context.Context, result *dockerfile2llb.Result, target ocispecs.Platform) error {
	whole, err := result.State.Marshal(ctx, llb.Platform(target))
	if err != nil {
		return err
	}
	definition := whole.ToPB()
	for _, bytes := range definition.Def {
		var op pb.Op
		if err := op.UnmarshalVT(bytes); err != nil {
			return err
		}
		source := op.GetSource()
		if source == nil {
			continue
		}
		name := source.Identifier
		image, ok := strings.CutPrefix(name, "docker-image://")
		if !ok {
			if !strings.HasPrefix(name, "local://") {
				found.Remote = append(found.Remote, name)
			}
			continue
		}
		one := located{Reference: image}
		if op.Platform != nil {
			one.Platform = shown(ocispecs.Platform{OS: op.Platform.OS, Architecture: op.Platform.Architecture, Variant: op.Platform.Variant, OSVersion: op.Platform.OSVersion})
		}
		if definition.Source != nil {
			if at := definition.Source.Locations[digest.FromBytes(bytes).String()]; at != nil {
				for _, where := range at.Locations {
					// A range for each line of the instruction; the first is where it begins.
					if len(where.Ranges) > 0 {
						one.Lines = append(one.Lines, int(where.Ranges[0].Start.Line))
					}
				}
			}
		}
		found.Located = append(found.Located, one)
	}
	sort.Strings(found.Remote)
	return nil
}
