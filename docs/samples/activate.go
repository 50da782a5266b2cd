// Activates Chatwoot for the instance "suporte". TOKEN: account token, or the instance's own.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	body, err := json.Marshal(map[string]any{
		"chatwootBaseUrl":   "http://127.0.0.1:8090",
		"chatwootAccountId": 1,
		"chatwootApiToken":  "sandbox-admin-token",
		"inboxName":         "WhatsApp - Suporte",
		"signMessages":      true,
		"ignoreGroups":      false,
		"startAsPending":    false,
		"reopenResolved":    true,
	})
	if err != nil {
		log.Fatal(err)
	}
	url := "http://127.0.0.1:8080/api/chatwoot/set/suporte"
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("token", os.Getenv("TOKEN"))
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: 65 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	if response.StatusCode != http.StatusCreated {
		log.Fatalf("%s: %s", response.Status, answer)
	}
	fmt.Println(string(answer))
}
