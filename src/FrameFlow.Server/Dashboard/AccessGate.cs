using System.Net;
using System.Security.Cryptography;

namespace FrameFlow.Server.Dashboard;

/// <summary>
/// Who may do what: reading from this machine is free; every change, and everything from elsewhere, needs the token. What a proxy on this machine hands on is from
/// elsewhere, though it comes from loopback. A request whose Host header is neither an address nor a name that we know is refused: a foreign page could
/// otherwise lead a browser here (DNS rebinding).
/// </summary>
/// <param name="token">The token.</param>
/// <param name="hosts">Host names, beside addresses of this machine itself, under which the dashboard is reached.</param>
public sealed class AccessGate(string token, IReadOnlyCollection<string> hosts)
{
    // What proxies write of whom they ask for (RFC 7239, RFC 9110 section 7.6.3, and the older custom), beside X-Forwarded-*.
    private static readonly string[] ProxyHeaders = ["Forwarded", "Via", "X-Real-IP"];

    private readonly byte[] _token = SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(token));

    /// <summary>A token that nobody guesses: 32 hexadecimal digits.</summary>
    public static string NewToken() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>The page's address with the token in it, such that a browser finds the token again whatever it holds.</summary>
    /// <param name="url">The server's address.</param>
    /// <param name="token">The token.</param>
    public static string PageLink(string url, string token) => $"{url}/#token={Uri.EscapeDataString(token)}";

    /// <summary>The middleware.</summary>
    public async Task HandleAsync(HttpContext context, RequestDelegate next)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(next);
        context.Response.Headers["X-Content-Type-Options"] = "nosniff";
        context.Response.Headers["X-Frame-Options"] = "DENY";
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        string host = context.Request.Host.Host;
        bool isKnownHost = host is "localhost" || IPAddress.TryParse(host.Trim('[', ']'), out _) || hosts.Contains(host, StringComparer.OrdinalIgnoreCase);
        if (!isKnownHost)
        {
            await RefuseAsync(context, StatusCodes.Status421MisdirectedRequest, "This host name is not served here; give it with --host-name.");
            return;
        }

        // The page itself, its script and its style hold no data; the script asks for the token.
        bool isPage = HttpMethods.IsGet(context.Request.Method) && context.Request.Path.Value is "/" or "/app.js" or "/app.css" or "/favicon.ico" or "/health";
        bool isRead = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
        if (!isPage && !(isRead && IsOfThisMachine(context)) && !HasToken(context.Request))
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
            await RefuseAsync(context, StatusCodes.Status401Unauthorized, "This needs the token that 'frameflow' printed at its start: Authorization: Bearer TOKEN.");
            return;
        }

        await next(context);
    }

    // A proxy's own connection is of this machine too: it is known by the name it was asked for, or by what it says of its client.
    private bool IsOfThisMachine(HttpContext context)
    {
        string host = context.Request.Host.Host;
        return context.Connection.RemoteIpAddress is { } from && IPAddress.IsLoopback(from)
            && !hosts.Contains(host, StringComparer.OrdinalIgnoreCase)
            && (host is "localhost" || (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address)))
            && !context.Request.Headers.Keys.Any(k => ProxyHeaders.Contains(k, StringComparer.OrdinalIgnoreCase) || k.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase));
    }

    private static Task RefuseAsync(HttpContext context, int status, string reason)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(new { error = reason }, context.RequestAborted);
    }

    private bool HasToken(HttpRequest request)
    {
        string header = request.Headers.Authorization.ToString();
        const string Scheme = "Bearer ";
        return header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(header[Scheme.Length..].Trim())), _token);
    }
}
