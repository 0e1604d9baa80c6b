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

// usageView is a work provider's usage of a deprecated feature.
type usageView struct {
	WorkProvider string `json:"workProvider"`
	Feature      string `json:"feature"` // the deprecated name or path
	Requests     int64  `json:"requests"`
	LastUsed     string `json:"lastUsed"` // a UTC day
}

func (t *tool) deprecations() *cobra.Command {
	var days int
	var providerID string
	cmd := &cobra.Command{
		Use:   "deprecations",
		Short: "List which work providers still use deprecated names and paths, and how much",
		Long: `List which work providers still use deprecated names and paths, how much, and when last. The source
is a CloudWatch metric, which is some minutes behind, and omits what was not used for two weeks.`,
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
			now := time.Now()
			all, err := listUsage(cmd.Context(), cloudwatch.NewFromConfig(env.AWS()), now.AddDate(0, 0, -days), now)
			if err != nil {
				return err
			}
			views := []usageView{}
			rows := [][]string{{"WORK PROVIDER", "FEATURE", "REQUESTS", "LAST USED"}}
			for _, v := range all {
				if providerID == "" || v.WorkProvider == providerID {
					views = append(views, v)
					rows = append(rows, []string{v.WorkProvider, v.Feature, fmt.Sprint(v.Requests), v.LastUsed})
				}
			}
			return t.show(cmd, views, rows...)
		},
	}
	cmd.Flags().IntVar(&days, "days", 30, "number of days to go back")
	cmd.Flags().StringVar(&providerID, "provider", "", "ID of one work provider, instead of all")
	return cmd
}

// listUsage returns the sums of the metric, by work provider and feature. CloudWatch lists metrics that had a value in
// the last two weeks.
func listUsage(ctx context.Context, metrics *cloudwatch.Client, from, to time.Time) ([]usageView, error) {
	var all []usageView
	pages := cloudwatch.NewListMetricsPaginator(metrics, &cloudwatch.ListMetricsInput{
		Namespace: aws.String(observe.Namespace), MetricName: aws.String(observe.Deprecated),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, m := range page.Metrics {
			v := usageView{WorkProvider: dimension(m, observe.Provider), Feature: dimension(m, observe.Feature)}
			if v.WorkProvider == "" || v.Feature == "" {
				continue // an aggregate of other metrics
			}
			out, err := metrics.GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
				Namespace:  m.Namespace,
				MetricName: m.MetricName,
				Dimensions: m.Dimensions,
				StartTime:  aws.Time(from.Truncate(24 * time.Hour)),
				EndTime:    &to,
				Period:     aws.Int32(24 * 60 * 60), // one day
				Statistics: []types.Statistic{types.StatisticSum},
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
				v.LastUsed = last.UTC().Format(time.DateOnly)
				all = append(all, v)
			}
		}
	}
	slices.SortFunc(all, func(a, b usageView) int {
		return cmp.Or(cmp.Compare(a.WorkProvider, b.WorkProvider), cmp.Compare(a.Feature, b.Feature))
	})
	return all, nil
}

// dimension returns the value of a metric's dimension, or "" if it has none of that name.
func dimension(m types.Metric, name string) string {
	for _, d := range m.Dimensions {
		if aws.ToString(d.Name) == name {
			return aws.ToString(d.Value)
		}
	}
	return ""
}
