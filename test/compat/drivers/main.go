// Drives analytics-go: <host> <write key> <scenario> <count>.
package main

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/analytics-go/v3"
)

// outcomes counts what the client has come to an end with. Its Close drops what is being retried,
// so every outcome is waited for first.
type outcomes struct{ done chan struct{} }

func (o outcomes) Success(analytics.Message)        { o.done <- struct{}{} }
func (o outcomes) Failure(analytics.Message, error) { o.done <- struct{}{} }

func main() {
	host, key, scenario := os.Args[1], os.Args[2], os.Args[3]
	count, _ := strconv.Atoi(os.Args[4])
	expected := map[string]int{"six": 6, "values": 1, "many": count, "paced": count, "refused": 2}[scenario]
	seen := outcomes{done: make(chan struct{}, expected)}
	config := analytics.Config{
		Endpoint:  host,
		Callback:  seen,
		BatchSize: 20,
		Interval:  200 * time.Millisecond,
	}
	if scenario != "paced" {
		// Its own pauses, up to ten seconds, are for a server that is away.
		config.RetryAfter = func(attempt int) time.Duration { return 200 * time.Millisecond }
	}
	client, err := analytics.NewWithConfig(key, config)
	if err != nil {
		panic(err)
	}
	switch scenario {
	case "six":
		client.Enqueue(analytics.Identify{UserId: "u1", Traits: analytics.NewTraits().Set("plan", "pro")})
		client.Enqueue(analytics.Track{
			UserId:     "u1",
			Event:      "Order Completed",
			Properties: analytics.NewProperties().Set("total", 9.5),
		})
		client.Enqueue(analytics.Page{
			UserId:     "u1",
			Name:       "Home",
			Properties: analytics.NewProperties().Set("path", "/"),
		})
		client.Enqueue(analytics.Screen{UserId: "u1", Name: "Start"})
		client.Enqueue(analytics.Group{
			UserId:  "u1",
			GroupId: "g1",
			Traits:  analytics.NewTraits().Set("name", "Acme"),
		})
		client.Enqueue(analytics.Alias{UserId: "u1", PreviousId: "a1"})
	case "values":
		decoder := json.NewDecoder(strings.NewReader(os.Getenv("MILLRACE_COMPAT_PROPERTIES")))
		decoder.UseNumber()
		properties := analytics.NewProperties()
		if err := decoder.Decode(&properties); err != nil {
			panic(err)
		}
		client.Enqueue(analytics.Track{UserId: "42", Event: "Values", Properties: properties})
	case "many", "paced":
		for n := 0; n < count; n++ {
			if scenario == "paced" {
				time.Sleep(10 * time.Millisecond)
			}
			client.Enqueue(analytics.Track{
				UserId:     "u1",
				Event:      "Numbered",
				Properties: analytics.NewProperties().Set("n", n),
			})
		}
	default:
		client.Enqueue(analytics.Track{
			UserId:     "u1",
			Event:      "Large",
			Properties: analytics.NewProperties().Set("text", strings.Repeat("x", 4000)),
		})
		time.Sleep(time.Second)
		client.Enqueue(analytics.Track{UserId: "u1", Event: "Small"})
	}
	deadline := time.After(90 * time.Second)
	for n := 0; n < expected; n++ {
		select {
		case <-seen.done:
		case <-deadline:
			n = expected
		}
	}
	client.Close()
}
