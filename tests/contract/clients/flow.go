// The whole flow by openapi-generator's go, as in flow.py.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"client"
)

type signedIn struct {
	context context.Context
	refresh string
}

var api *client.APIClient

func expect(actual, expected any) {
	if actual != expected {
		panic(fmt.Sprintf("%v instead of %v", actual, expected))
	}
}

func got[T any](answer T, _ *http.Response, err error) T {
	if err != nil {
		panic(err)
	}
	return answer
}

func done(answer *http.Response, err error) {
	expect(err, nil)
	expect(answer.StatusCode, 204)
}

func refused(code client.ProblemCode, err error) client.ProblemAnswer {
	var refusal *client.GenericOpenAPIError
	if !errors.As(err, &refusal) {
		panic(fmt.Sprintf("not refused with %v: %v", code, err))
	}
	problem := refusal.Model().(client.ProblemAnswer)
	expect(problem.Code, code)
	return problem
}

func authorized(token, refresh string) signedIn {
	return signedIn{context.WithValue(context.Background(), client.ContextAccessToken, token), refresh}
}

func signIn(phone string) signedIn {
	anyone := context.Background()
	asked := got(api.AuthAPI.Signup(anyone).SignupRequest(*client.NewSignupRequest(phone)).Execute())
	request := client.NewLoginRequest(asked.GetCode())
	request.SetChallengeId(asked.ChallengeId)
	answer := got(api.AuthAPI.Login(anyone).LoginRequest(*request).Execute())
	return authorized(answer.Token, answer.Refresh)
}

func (user signedIn) me() (*client.OwnProfileAnswer, *http.Response, error) {
	return api.ProfilesAPI.MeRead(user.context).Execute()
}

func (user signedIn) activate(code string) (*client.OwnProfileAnswer, *http.Response, error) {
	request := api.ProfilesAPI.MeActivate(user.context)
	return request.ActivateRequest(*client.NewActivateRequest(code)).Execute()
}

func (user signedIn) isOut() {
	_, _, err := user.me()
	refused(client.TOKEN_REVOKED, err)
}

func main() {
	site, firstPhone, secondPhone := os.Args[1], os.Args[2], os.Args[3]
	configuration := client.NewConfiguration()
	configuration.Servers = client.ServerConfigurations{{URL: site}}
	api = client.NewAPIClient(configuration)
	first, second := signIn(firstPhone), signIn(secondPhone)

	mine := got(first.me())
	expect(mine.Phone, firstPhone)
	expect(mine.ActivatedInvite.Get() == nil, true)
	expect(got(second.activate(mine.InviteCode)).GetActivatedInvite(), mine.InviteCode)

	page := got(api.ProfilesAPI.MeInvitations(first.context).Execute())
	expect(len(page.Results), 1)
	expect(page.Results[0].Phone, secondPhone)
	expect(page.NextCursor.Get() == nil, true)
	expect(got(first.me()).Invitations[0], secondPhone)

	_, _, own := first.activate(mine.InviteCode)
	refused(client.OWN_INVITE_CODE, own)
	_, _, again := second.activate(mine.InviteCode)
	problem := refused(client.ALREADY_ACTIVATED, again)
	expect(problem.GetActivatedInvite(), mine.InviteCode)
	_, _, wrong := api.AuthAPI.Login(context.Background()).LoginRequest(*client.NewLoginRequest("12")).Execute()
	expect(refused(client.INVALID, wrong).Errors[0].Field, "code")

	end(firstPhone, first, second)
}

// Each way in which a session ends.
func end(phone string, first, second signedIn) {
	anyone := context.Background()
	pair := got(api.AuthAPI.Refresh(anyone).RefreshRequest(*client.NewRefreshRequest(first.refresh)).Execute())
	other := signIn(phone)
	devices := got(api.DevicesAPI.DevicesList(other.context).Execute())
	expect(len(devices), 2)
	for _, device := range devices {
		if !device.Current {
			done(api.DevicesAPI.DevicesEnd(other.context, device.Id).Execute())
		}
	}
	authorized(pair.Token, pair.Refresh).isOut()

	done(api.AuthAPI.Logout(anyone).RefreshRequest(*client.NewRefreshRequest(other.refresh)).Execute())
	other.isOut()
	done(api.DevicesAPI.DevicesEndAll(second.context).Execute())
	second.isOut()

	last := signIn(phone)
	expect(len(got(api.ProfilesAPI.MeExport(last.context).Execute())) > 0, true)
	done(api.ProfilesAPI.MeErase(last.context).Execute())
	last.isOut()
}
