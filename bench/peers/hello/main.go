// Command hello is the least that a Lambda behind the gateway can be in Go: aws-lambda-go as its documentation shows
// it, and one constant answer. It is the floor that our own functions' start-up and overhead are measured from.
package main

import (
	"context"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		return events.APIGatewayProxyResponse{StatusCode: http.StatusOK, Body: `{"hello":"world"}`}, nil
	})
}
