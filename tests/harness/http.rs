//! One HTTP/1.1 GET over a plain TCP stream: enough for a scrape, with nothing between test and network.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};

const TIMEOUT: Duration = Duration::from_secs(10);

/// An HTTP response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header fields in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, with its chunks joined.
    pub body: String,
}

impl Response {
    /// The first field of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// Fetches `path` from `server` in the calling thread's network namespace, with additional header fields.
pub fn get(server: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Result<Response> {
    let fields: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n{fields}\r\n");
    let answer = exchange(server, &request).with_context(|| format!("GET http://{server}{path}"))?;
    parse(&answer).with_context(|| format!("GET http://{server}{path}: not an HTTP response"))
}

fn exchange(server: SocketAddr, request: &str) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn parse(answer: &[u8]) -> Result<Response> {
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").context("no end of the header")?;
    let (head, body) = (std::str::from_utf8(&answer[..head])?, &answer[head + 4..]);
    let mut lines = head.split("\r\n");
    let status =
        lines.next().and_then(|line| line.strip_prefix("HTTP/1.")?.get(2..5)).context("no status line")?;
    let headers: Vec<_> = lines
        .map(|line| line.split_once(':').ok_or_else(|| anyhow!("odd header field `{line}`")))
        .map(|field| field.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())))
        .collect::<Result<_>>()?;
    let mut response = Response { status: status.parse()?, headers, body: String::new() };
    let body = match (response.header("transfer-encoding"), response.header("content-length")) {
        (Some("chunked"), _) => unchunk(body)?,
        (_, Some(length)) if length.parse::<usize>()? != body.len() => {
            bail!("{} bytes of body where {length} were announced", body.len());
        }
        _ => body.to_vec(),
    };
    response.body = String::from_utf8(body)?;
    Ok(response)
}

fn unchunk(mut rest: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").context("no chunk size")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end])?.trim(), 16)?;
        if size == 0 {
            return Ok(body);
        }
        let chunk = rest.get(end + 2..end + 2 + size).context("chunk cut short")?;
        body.extend(chunk);
        rest = rest.get(end + 2 + size + 2..).context("chunk cut short")?;
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_counted_body() {
        let response =
            parse(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\ncontent-length: 4\r\n\r\nnone")
                .unwrap();
        assert_eq!((response.status, response.body.as_str()), (404, "none"));
        assert_eq!(response.header("content-type"), Some("text/plain"));
    }

    #[test]
    fn a_chunked_body() {
        let answer =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(parse(answer).unwrap().body, "abc0123456789");
    }

    #[test]
    fn a_body_cut_short_is_an_error() {
        assert!(parse(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nnone").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc").is_err());
        assert!(parse(b"HTTP/1.1 200").is_err());
    }
}
