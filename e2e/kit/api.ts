/** An answer over REST. */
export interface ApiAnswer {
  status: number;
  /** As JSON where it is JSON, else the text. */
  body: never;
  headers: Headers;
}

/** A request with a token. @param init.body an object, or JSON text as it is */
export async function callApi(
  url: string,
  {
    token,
    method = "GET",
    body,
    headers = {},
  }: {
    token: string;
    method?: string | undefined;
    body?: unknown;
    headers?: Record<string, string> | undefined;
  },
): Promise<ApiAnswer> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (/^[{[]/.test(text) ? JSON.parse(text) : text) as never,
  };
}
