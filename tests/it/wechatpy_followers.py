"""Lists the followers of an account with wechatpy, one OpenID a line, from the API at the given base URL.

python wechatpy_followers.py BASE_URL APP_ID SECRET

Ends with 3 where wechatpy is not installed.
"""

import sys

try:
    from wechatpy import WeChatClient
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(3)

OFFICIAL = "https://api.weixin.qq.com"


def main():
    base_url, app_id, secret = sys.argv[1:]
    client = WeChatClient(app_id, secret)
    client.API_BASE_URL = base_url + "/cgi-bin/"
    # The SDK has the address of the token in its code; everything else of the call is as it makes it.
    fetch = client._fetch_access_token
    client._fetch_access_token = lambda url, params: fetch(url.replace(OFFICIAL, base_url), params)
    # No proxy of this machine has a part in it.
    client._http.trust_env = False
    for openid in client.user.iter_followers():
        print(openid)


main()
