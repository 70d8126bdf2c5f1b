"""The texts of the page. A number stands after a colon, so that no sentence needs a plural form."""

from django.utils.translation import gettext_lazy as _

# For the templates.
WORDS = {
    "name": _("Invitations"),
    "description": _("Sign in with your phone, share your invite code, and activate the code of one other person."),
    "needs_script": _("This page needs JavaScript. Turn it on and reload the page."),
    "loading": _("Loading…"),
    "trouble_title": _("This did not work"),
    # signing in
    "phone_title": _("Sign in with your phone"),
    "invited": _("You were invited with the code"),
    "broken_link": _("The link you followed has no invite code. Ask for a new link or for the code."),
    "phone_label": _("Mobile number"),
    "phone_hint": _(
        "We will send a code to this number by SMS. Only the person whose code you activate will see the number."
    ),
    "get_code": _("Get a code"),
    "code_title": _("Enter the code"),
    "demo": _("Demo mode: no SMS is sent. Your code is"),
    "code_label": _("Code from the SMS"),
    "sign_in": _("Sign in"),
    "send_again": _("Send again"),
    "other_number": _("Another number"),
    "no_sms": _("No SMS?"),
    "no_sms_number": _("Check the number:"),
    "no_sms_wait": _("An SMS may take a minute or two. The code stays the same when it is sent again."),
    "no_sms_spam": _("Look in the folder for spam or unknown senders."),
    # the profile
    "signed_in_as": _("Signed in as"),
    "account": _("Account"),
    "own_title": _("Your invite code"),
    "own_hint": _("Share it with friends. Each person who activates it votes for you and appears in your list."),
    "share": _("Share the link"),
    "copy_link": _("Copy the link"),
    "copy_code": _("Copy the code"),
    "qr": _("QR code"),
    "qr_alt": _("QR code of the link with your invite code"),
    "choice_title": _("The code you activated"),
    "choice_text": _("Were you invited? Activate the code of one person. This is your vote for them."),
    "invite_label": _("Invite code or link"),
    "invite_hint": _("Six letters and digits, upper or lower case."),
    "go_on": _("Continue"),
    "people_title": _("Who activated your code"),
    "people_none": _("Nobody yet. Share your code to change that."),
    "show_more": _("Show more"),
    "show_dates": _("Show the dates"),
    "confirm_title": _("Activate the code"),
    "confirm_sees": _("The owner of this code will see your number:"),
    "confirm_once": _("You have one vote. It cannot be changed or undone."),
    "activate": _("Activate"),
    "cancel": _("Cancel"),
    # the account
    "back": _("Back to the invite code"),
    "sign_out": _("Sign out"),
    "devices_title": _("Your devices"),
    "devices_hint": _(
        "Other people's requests cannot delay codes for a known device. Remove the devices that you do not recognise."
    ),
    "end_all": _("Remove all devices"),
    "end_all_title": _("Remove all devices?"),
    "end_all_text": _(
        "You will be signed out everywhere, including here. None of your devices will be known any more."
    ),
    "export_title": _("Your data"),
    "export_hint": _("All data that is stored about you, as a JSON file."),
    "export": _("Download"),
    "erase_title": _("Erase the account"),
    "erase_hint": _(
        "Your number, your devices and your vote are erased permanently. Votes for you are kept without your number."
    ),
    "erase_recent": _("For your safety, this needs a sign-in with a code within the last ten minutes."),
    "erase": _("Erase everything"),
    "erase_confirm_title": _("Erase your account?"),
    "erase_confirm_text": _("Your invite code will stop working. This cannot be undone."),
}

# For the JavaScript modules, which replace the names in braces.
SCRIPT_WORDS = {
    "try_again": _("Try again"),
    "try_again_in": _("Try again in {time}"),
    # the code
    "sent": _("An SMS with the code is on its way to {phone}."),
    "not_sent": _("No new SMS was sent. The code sent to {phone} at {time} is still valid."),
    "code_short": _("{length} digits"),
    "code_long": _(
        "{length} digits in two groups of five. The code is longer than usual because many codes were requested."
    ),
    "known_phone": _("This device is known to the number ending in {digits}."),
    "known_device": _("This device is known. Other people's requests cannot delay your code."),
    "send_again": _("Send again"),
    "send_again_in": _("Send again in {time}"),
    "may_send_again": _("You can request the code again."),
    "code_sent_again": _("The code was sent again."),
    "new_code": _("Get a new code"),
    "wrong_code": _("This code is wrong. Attempts left: {left}."),
    "code_expired": _("The code has expired. Get a new one."),
    "code_tried": _("You have already tried this code. Enter the code from the newest SMS."),
    "code_incomplete": _("Enter the whole code."),
    "other_number": _("Another number"),
    # the profile
    "copied": _("Copied"),
    "share_text": _("My invite code: {code}"),
    "choice_none": _("Activate a code"),
    "malformed_invite": _(
        "An invite code has six letters and digits, without 0, O, 1, I and L. Paste the code or the link."
    ),
    "missing_invite": _("Enter or paste an invite code."),
    "from_link": _("The code comes from the link you followed. Check it and continue."),
    "own_link": _("This is your own link. Share it with others."),
    "link_unused": _("You have already voted, so the code from the link is not used: {code}."),
    "activated": _("Done. You activated {code}."),
    "activated_at": _("Activated on {time}"),
    "now_shown": _("In the list now: {count}"),
    # the account
    "this_device": _("This device"),
    "unknown_device": _("Unknown device"),
    "signed_in_at": _("Signed in on {time}"),
    "signed_out_known": _("Signed out, still known"),
    "end": _("Remove"),
    "end_device": _("Remove: {device}"),
    "device_ended": _("Removed: {device}"),
    "exported": _("Your data was downloaded."),
    "erased": _("Your account is erased."),
    "sign_in_again": _("Sign in again"),
    "signed_out": _("You have signed out."),
    "signed_out_elsewhere": _("You were signed out in another tab."),
    "all_ended": _("All your devices were removed. Sign in again to continue."),
    # problems, by their codes
    "problem_offline": _("No connection. Nothing you typed is lost: try again when you are online."),
    "problem_unavailable": _("The service is busy at the moment. Nothing you typed is lost: try again."),
    "problem_internal_error": _("Something went wrong on our side. Try again a little later."),
    "problem_too_many_requests": _("Too many attempts. Try again after {time}."),
    "problem_invalid": _("Check what you typed."),
    "problem_invalid_phone": _("This is not a mobile number. Enter all of its digits."),
    "problem_region_not_allowed": _("Numbers from this country are not supported. Use another number."),
    "problem_invalid_code": _("This code is no longer valid. Get a new one."),
    "problem_account_disabled": _(
        "This account is disabled. If you think this is a mistake, contact the person who invited you."
    ),
    "problem_not_authenticated": _("Sign in first."),
    "problem_token_invalid": _("Your session is not valid any more. Sign in again."),
    "problem_token_expired": _("You were away for a long time. Sign in again."),
    "problem_token_revoked": _("Your session has ended. Sign in again."),
    "problem_permission_denied": _("You may not do this."),
    "problem_fresh_sign_in_required": _(
        "First sign in again with a code. Then come back and erase the account within ten minutes."
    ),
    "problem_not_found": _("This no longer exists."),
    "problem_invite_code_not_found": _("Nobody has this invite code. Check each letter, or ask for the link."),
    "problem_own_invite_code": _("This is your own code. Enter the code of the person who invited you."),
    "problem_already_activated": _("You have already activated a code: {code}."),
    "problem_out_of_date": _("This page is out of date. Reload it."),
    "load_again": _("Reload the page"),
}
