using System.Net;
using FrameFlow.Server.Dashboard;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace FrameFlow.Tests.Server;

/// <summary>What comes from another machine; the requests from this one are tried against the running server.</summary>
public sealed class AccessGateTests
{
    private const string Token = "a-token";

    [Theory]
    [InlineData("GET", "/api/jobs", null, 401)]
    [InlineData("GET", "/api/jobs", "a-toke", 401)]
    [InlineData("GET", "/api/jobs", Token, 200)]
    [InlineData("GET", "/api/events", null, 401)]
    [InlineData("GET", "/metrics", null, 401)]
    [InlineData("HEAD", "/api/jobs", null, 401)]
    [InlineData("POST", "/", null, 401)]
    [InlineData("POST", "/api/jobs/00000000000000aa/pause", Token, 200)]
    [InlineData("GET", "/", null, 200)]
    [InlineData("GET", "/app.js", null, 200)]
    [InlineData("GET", "/health", null, 200)]
    public Task Handle_FromElsewhere_NeedsTheTokenForAllButThePage(string method, string path, string? token, int status) => AssertAsync("192.0.2.7", method, path, token, status);

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("::1", "[::1]")]
    [InlineData("::ffff:127.0.0.1", "localhost")]
    public async Task Handle_FromThisMachine_ReadsFreelyAndChangesWithTheToken(string from, string host)
    {
        await AssertAsync(from, "GET", "/api/jobs", null, 200, ToHost);
        await AssertAsync(from, "POST", "/api/jobs/00000000000000aa/pause", null, 401, ToHost);
        await AssertAsync(from, "DELETE", "/api/jobs", null, 401, ToHost);

        void ToHost(HttpRequest request) => request.Host = new HostString(host, 8642);
    }

    /// <summary>What a proxy on this machine asks for others comes from this machine's address.</summary>
    [Theory]
    [InlineData("films.example", null)]
    [InlineData("FILMS.EXAMPLE", null)]
    [InlineData("192.0.2.1", null)]
    [InlineData("127.0.0.1", "X-Forwarded-For")]
    [InlineData("127.0.0.1", "x-forwarded-proto")]
    [InlineData("localhost", "X-Real-IP")]
    [InlineData("localhost", "Forwarded")]
    [InlineData("[::1]", "Via")]
    public async Task Handle_ThroughAProxyOnThisMachine_NeedsTheToken(string host, string? header)
    {
        foreach (string path in (string[])["/api/jobs", "/api/jobs/00000000000000aa/log", "/api/jobs/00000000000000aa/report", "/api/jobs/00000000000000aa/frames/0/before", "/api/events", "/metrics"])
        {
            await AssertAsync("127.0.0.1", "GET", path, null, 401, ThroughProxy);
            await AssertAsync("127.0.0.1", "GET", path, Token, 200, ThroughProxy);
        }

        void ThroughProxy(HttpRequest request)
        {
            request.Host = new HostString(host, 8642);
            if (header is not null)
            {
                request.Headers[header] = "203.0.113.9";
            }
        }
    }

    [Theory]
    [InlineData("ab+cd&x", "http://127.0.0.1:8642/#token=ab%2Bcd%26x")]
    [InlineData("50% #1", "http://127.0.0.1:8642/#token=50%25%20%231")]
    public void PageLink_TokenOfAnyCharacters_IsEncoded(string token, string link) => Assert.Equal(link, AccessGate.PageLink("http://127.0.0.1:8642", token));

    /// <summary>A header says what its sender likes.</summary>
    [Fact]
    public Task Handle_ForwardedFor_IsNotBelieved() => AssertAsync("192.0.2.7", "GET", "/api/jobs", null, 401, request => request.Headers["X-Forwarded-For"] = "127.0.0.1");

    [Fact]
    public Task Handle_UnknownHostName_IsRefusedEvenWithTheToken() => AssertAsync("127.0.0.1", "GET", "/api/jobs", Token, 421, request => request.Host = new HostString("evil.example"));

    private static async Task AssertAsync(string from, string method, string path, string? token, int status, Action<HttpRequest>? more = null)
    {
        DefaultHttpContext context = new();
        context.Connection.RemoteIpAddress = IPAddress.Parse(from);
        context.Request.Method = method;
        context.Request.Path = path;
        context.Request.Host = new HostString("films.example", 8080);
        context.Request.Headers.Authorization = token is null ? "" : "Bearer " + token;
        more?.Invoke(context.Request);
        bool passed = false;
        await new AccessGate(Token, ["films.example"]).HandleAsync(context, _ =>
        {
            passed = true;
            return Task.CompletedTask;
        });
        Assert.Equal(status, context.Response.StatusCode);
        Assert.Equal(status == 200, passed);
    }
}
