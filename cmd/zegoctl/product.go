package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/customer"
)

// productView is a product.
type productView struct {
	Code        string           `json:"code"`
	CoverLevel  string           `json:"coverLevel"`
	ClassOfUse  string           `json:"classOfUse"`
	Occupations []occupationView `json:"occupations"`
	Vehicle     bool             `json:"vehicle"`
	EnrolByAPI  bool             `json:"enrolByApi"`
}

func newProductView(p customer.Product) productView {
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
	rows := [][]string{{"CODE", "COVER LEVEL", "CLASS OF USE", "OCCUPATIONS", "VEHICLE", "ENROL BY API"}}
	for _, v := range views {
		var names []string
		for _, o := range v.Occupations {
			names = append(names, o.Name)
		}
		rows = append(rows, []string{
			v.Code, v.CoverLevel, v.ClassOfUse, strings.Join(names, ", "), fmt.Sprint(v.Vehicle), fmt.Sprint(v.EnrolByAPI),
		})
	}
	return t.show(cmd, result, rows...)
}

type occupationView struct {
	Name     string   `json:"name"`
	Synonyms []string `json:"synonyms"`
}

func (t *tool) product() *cobra.Command {
	return group(&cobra.Command{Use: "product", Short: "Insurance products"}, t.productPut(), t.productList())
}

func (t *tool) productPut() *cobra.Command {
	var p customer.Product
	var occupations []string
	cmd := &cobra.Command{
		Use:   "put CODE",
		Short: "Create or replace a product; existing policies do not change",
		Example: `  zegoctl product put FL.OCC.PL.UK.001 --cover-level "Public Liability" --class-of-use Occupational \
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
				view := newProductView(p)
				return t.showProducts(cmd, view, view)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&p.CoverLevel, "cover-level", "", `such as "Public Liability"`)
	flags.StringVar(&p.ClassOfUse, "class-of-use", "", `such as "Occupational"`)
	flags.StringArrayVar(&occupations, "occupation", nil, "NAME or NAME=SYNONYM,SYNONYM; may be repeated")
	flags.BoolVar(&p.Vehicle, "vehicle", false, "a policy is for one vehicle: sign-up asks for its registration")
	flags.BoolVar(&p.EnrolByAPI, "enrol-by-api", false, "allow work providers to enrol customers on it")
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
				views[i] = newProductView(p)
			}
			return t.showProducts(cmd, views, views...)
		},
	}
}

// parseOccupation parses NAME or NAME=SYNONYM,SYNONYM.
func parseOccupation(text string) (customer.Occupation, error) {
	name, synonyms, ok := strings.Cut(text, "=")
	o := customer.Occupation{Name: strings.TrimSpace(name)}
	if ok {
		for synonym := range strings.SplitSeq(synonyms, ",") {
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
