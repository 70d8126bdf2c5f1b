// The whole flow by openapi-generator's java with the JDK's own HTTP client, as in flow.py.

import client.ApiClient;
import client.ApiException;
import client.ApiResponse;
import client.api.AuthApi;
import client.api.DevicesApi;
import client.api.ProfilesApi;
import client.model.*;
import java.util.List;
import java.util.Objects;

public class Flow {
    interface Call {
        void run() throws ApiException;
    }

    record SignedIn(ProfilesApi profiles, DevicesApi devices, String refresh) {}

    static String site;
    static AuthApi auth;

    static ApiClient client() {
        ApiClient client = new ApiClient();
        client.updateBaseUri(site);
        return client;
    }

    static SignedIn authorized(String token, String refresh) {
        ApiClient client = client();
        client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
        return new SignedIn(new ProfilesApi(client), new DevicesApi(client), refresh);
    }

    static SignedIn signIn(String phone) throws ApiException {
        SignupAnswer asked = auth.signup(new SignupRequest().phone(phone));
        LoginRequest request = new LoginRequest().code(asked.getCode()).challengeId(asked.getChallengeId());
        LoginAnswer answer = auth.login(request);
        return authorized(answer.getToken(), answer.getRefresh());
    }

    static void expect(Object actual, Object expected) {
        if (!Objects.equals(actual, expected)) throw new AssertionError(actual + " instead of " + expected);
    }

    static void done(ApiResponse<Void> answer) {
        expect(answer.getStatusCode(), 204);
    }

    static ProblemAnswer refused(int status, ProblemCode code, Call call) throws Exception {
        try {
            call.run();
        } catch (ApiException error) {
            expect(error.getCode(), status);
            ProblemAnswer problem = client().getObjectMapper().readValue(error.getResponseBody(), ProblemAnswer.class);
            expect(problem.getCode(), code);
            return problem;
        }
        throw new AssertionError("not refused with " + code);
    }

    public static void main(String[] given) throws Exception {
        site = given[0];
        auth = new AuthApi(client());
        SignedIn first = signIn(given[1]), second = signIn(given[2]);

        OwnProfileAnswer mine = first.profiles().meRead();
        expect(mine.getPhone(), given[1]);
        expect(mine.getActivatedInvite(), null);

        ActivateRequest body = new ActivateRequest().activatedInvite(mine.getInviteCode());
        expect(second.profiles().meActivate(body).getActivatedInvite(), mine.getInviteCode());

        InvitationPage page = first.profiles().meInvitations(null);
        expect(page.getResults().stream().map(InvitationAnswer::getPhone).toList(), List.of(given[2]));
        expect(page.getNextCursor(), null);
        expect(first.profiles().meRead().getInvitations(), List.of(given[2]));

        refused(409, ProblemCode.OWN_INVITE_CODE, () -> first.profiles().meActivate(body));
        ProblemAnswer again = refused(409, ProblemCode.ALREADY_ACTIVATED, () -> second.profiles().meActivate(body));
        expect(again.getActivatedInvite(), mine.getInviteCode());
        ProblemAnswer wrong = refused(400, ProblemCode.INVALID, () -> auth.login(new LoginRequest().code("12")));
        expect(wrong.getErrors().get(0).getField(), "code");

        end(given[1], first, second);
    }

    static void end(String phone, SignedIn first, SignedIn second) throws Exception {
        TokenAnswer pair = auth.refresh(new RefreshRequest().refresh(first.refresh()));
        SignedIn refreshed = authorized(pair.getToken(), pair.getRefresh());
        SignedIn other = signIn(phone);
        List<DeviceAnswer> devices = other.devices().devicesList();
        expect(devices.size(), 2);
        Long id = devices.stream().filter(device -> !device.getCurrent()).findFirst().orElseThrow().getId();
        done(other.devices().devicesEndWithHttpInfo(id));
        refused(401, ProblemCode.TOKEN_REVOKED, () -> refreshed.profiles().meRead());

        done(auth.logoutWithHttpInfo(new RefreshRequest().refresh(other.refresh())));
        refused(401, ProblemCode.TOKEN_REVOKED, () -> other.profiles().meRead());
        done(second.devices().devicesEndAllWithHttpInfo());
        refused(401, ProblemCode.TOKEN_REVOKED, () -> second.profiles().meRead());

        SignedIn last = signIn(phone);
        expect(last.profiles().meExport().containsKey("profile"), true);
        done(last.profiles().meEraseWithHttpInfo());
        refused(401, ProblemCode.TOKEN_REVOKED, () -> last.profiles().meRead());
    }
}
