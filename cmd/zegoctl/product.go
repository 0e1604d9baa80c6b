package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/customer"
)

// productView is a product as it is shown.
type productView struct {
	Code        string           `json:"code"`
	CoverLevel  string           `json:"coverLevel"`
	ClassOfUse  string           `json:"classOfUse"`
	Occupations []occupationView `json:"occupations"`
	Vehicle     bool             `json:"vehicle"`
	EnrolByAPI  bool             `json:"enrolByApi"`
}

func viewOfProduct(p customer.Product) productView {
	v := productView{
		Code:        p.Code,
		CoverLevel:  p.CoverLevel,
		ClassOfUse:  p.ClassOfUse,
		Occupations: []occupationView{},
		Vehicle:     p.Vehicle,
		EnrolByAPI:  p.EnrolByAPI,
	}
	for _, o := range p.Occupations {
		v.Occupations = append(v.Occupations, occupationView(o))
	}
	return v
}

func (t *tool) showProducts(cmd *cobra.Command, result any, views ...productView) error {
	lines := [][]string{{"CODE", "COVER LEVEL", "CLASS OF USE", "OCCUPATIONS", "VEHICLE", "ENROL BY API"}}
	for _, v := range views {
		var names []string
		for _, o := range v.Occupations {
			names = append(names, o.Name)
		}
		lines = append(
			lines,
			[]string{
				v.Code,
				v.CoverLevel,
				v.ClassOfUse,
				strings.Join(names, ", "),
				fmt.Sprint(v.Vehicle),
				fmt.Sprint(v.EnrolByAPI),
			},
		)
	}
	return t.show(cmd, result, lines...)
}

type occupationView struct {
	Name     string   `json:"name"`
	Synonyms []string `json:"synonyms"`
}

func (t *tool) product() *cobra.Command {
	return group(&cobra.Command{Use: "product", Short: "What can be insured"}, t.productDefine(), t.productList())
}

func (t *tool) productDefine() *cobra.Command {
	var p customer.Product
	var occupations []string
	cmd := &cobra.Command{
		Use:   "define CODE",
		Short: "Define a product, or define it anew; policies made before stay as they are",
		Example: `  zegoctl product define FL.OCC.PL.UK.001 --cover-level "Public Liability" --class-of-use Occupational \
      --occupation childminder=babysitter,nanny --enrol-by-api`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := build(t, cmd, customer.NewStore)
			if err != nil {
				return err
			}
			p.Code = args[0]
			for _, text := range occupations {
				o, err := parseOccupation(text)
				if err != nil {
					return err
				}
				p.Occupations = append(p.Occupations, o)
			}
			return t.run(cmd, action{target: p.Code}, func() error {
				if err := store.PutProduct(cmd.Context(), p); err != nil {
					return err
				}
				view := viewOfProduct(p)
				return t.showProducts(cmd, view, view)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&p.CoverLevel, "cover-level", "", `such as "Public Liability"`)
	flags.StringVar(&p.ClassOfUse, "class-of-use", "", `such as "Occupational"`)
	flags.StringArrayVar(&occupations, "occupation", nil, "NAME or NAME=SYNONYM,SYNONYM; may be repeated")
	flags.BoolVar(&p.Vehicle, "vehicle", false, "a policy is for one vehicle: ask who signs up for its registration")
	flags.BoolVar(&p.EnrolByAPI, "enrol-by-api", false, "let work providers enrol people onto it")
	required(cmd, "cover-level", "class-of-use")
	return cmd
}

func (t *tool) productList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List all products",
		Example: `  zegoctl product list`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := build(t, cmd, customer.NewStore)
			if err != nil {
				return err
			}
			products, err := store.Products(cmd.Context())
			if err != nil {
				return err
			}
			views := make([]productView, len(products))
			for i, p := range products {
				views[i] = viewOfProduct(p)
			}
			return t.showProducts(cmd, views, views...)
		},
	}
}

// parseOccupation reads NAME=SYNONYM,SYNONYM.
func parseOccupation(text string) (customer.Occupation, error) {
	name, rest, listed := strings.Cut(text, "=")
	o := customer.Occupation{Name: strings.TrimSpace(name)}
	if listed {
		for synonym := range strings.SplitSeq(rest, ",") {
			o.Synonyms = append(o.Synonyms, strings.TrimSpace(synonym))
		}
	}
	for _, word := range append([]string{o.Name}, o.Synonyms...) {
		if word == "" {
			return o, fmt.Errorf("--occupation %q: a name is empty; write NAME or NAME=SYNONYM,SYNONYM", text)
		}
	}
	return o, nil
}

// required marks flags without which a command is refused.
func required(cmd *cobra.Command, flags ...string) {
	for _, flag := range flags {
		if err := cmd.MarkFlagRequired(flag); err != nil {
			panic(err) // there is no such flag: a mistake in the lines above
		}
	}
}
