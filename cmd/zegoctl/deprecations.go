package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/observe"
)

// useView is how much a work provider still uses something deprecated.
type useView struct {
	WorkProvider string `json:"workProvider"`
	Use          string `json:"use"` // the old name or path
	Requests     int64  `json:"requests"`
	Last         string `json:"last"` // the day of the last one
}

func (t *tool) deprecations() *cobra.Command {
	var days int
	var providerID string
	cmd := &cobra.Command{
		Use:   "deprecations",
		Short: "List which work providers still use deprecated names and paths, and how much",
		Long: `List which work providers still use deprecated names and paths, how much, and on which day for the last time. It is read
from CloudWatch's metrics, which the functions' log lines carry: they are some minutes old,
	and what nobody used for two weeks
is no longer listed.`,
		Example: `  zegoctl deprecations --days 14 --provider courier-ltd`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 1 || days > 455 {
				return errors.New("--days must be 1 to 455: CloudWatch keeps metrics for 15 months")
			}
			env, err := t.env(cmd)
			if err != nil {
				return err
			}
			all, err := uses(cmd.Context(), cloudwatch.NewFromConfig(env.AWS()), time.Now().AddDate(0, 0, -days), time.Now())
			if err != nil {
				return err
			}
			views := []useView{}
			lines := [][]string{{"WORK PROVIDER", "USE", "REQUESTS", "LAST"}}
			for _, v := range all {
				if providerID == "" || v.WorkProvider == providerID {
					views = append(views, v)
					lines = append(lines, []string{v.WorkProvider, v.Use, fmt.Sprint(v.Requests), v.Last})
				}
			}
			return t.show(cmd, views, lines...)
		},
	}
	cmd.Flags().IntVar(&days, "days", 30, "how many days back")
	cmd.Flags().StringVar(&providerID, "provider", "", "id of one work provider, instead of all")
	return cmd
}

// uses are the sums of the metric, by work provider and use. CloudWatch lists metrics that had a value in the last two
// weeks.
func uses(ctx context.Context, metrics *cloudwatch.Client, from, to time.Time) ([]useView, error) {
	var all []useView
	pages := cloudwatch.NewListMetricsPaginator(metrics, &cloudwatch.ListMetricsInput{
		Namespace: aws.String(observe.Namespace), MetricName: aws.String(observe.Deprecated),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, m := range page.Metrics {
			v := useView{WorkProvider: dimension(m, observe.Provider), Use: dimension(m, observe.Feature)}
			if v.WorkProvider == "" || v.Use == "" {
				continue // a sum over others
			}
			out, err := metrics.GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
				Namespace: m.Namespace, MetricName: m.MetricName, Dimensions: m.Dimensions,
				StartTime: aws.Time(
					from.Truncate(24 * time.Hour),
				), EndTime: &to, Period: aws.Int32(24 * 60 * 60), Statistics: []types.Statistic{types.StatisticSum},
			})
			if err != nil {
				return nil, err
			}
			var last time.Time
			for _, point := range out.Datapoints {
				v.Requests += int64(aws.ToFloat64(point.Sum))
				if at := aws.ToTime(point.Timestamp); at.After(last) {
					last = at
				}
			}
			if v.Requests > 0 {
				v.Last = last.UTC().Format(time.DateOnly)
				all = append(all, v)
			}
		}
	}
	slices.SortFunc(all, func(a, b useView) int {
		return cmp.Or(cmp.Compare(a.WorkProvider, b.WorkProvider), cmp.Compare(a.Use, b.Use))
	})
	return all, nil
}

// dimension is the value of a metric's dimension; "" if it has none of that name.
func dimension(m types.Metric, name string) string {
	for _, d := range m.Dimensions {
		if aws.ToString(d.Name) == name {
			return aws.ToString(d.Value)
		}
	}
	return ""
}
