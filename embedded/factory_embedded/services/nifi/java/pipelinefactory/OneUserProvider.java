package pipelinefactory;

import java.util.concurrent.TimeUnit;

import org.apache.nifi.authentication.AuthenticationResponse;
import org.apache.nifi.authentication.LoginCredentials;
import org.apache.nifi.authentication.LoginIdentityProvider;
import org.apache.nifi.authentication.LoginIdentityProviderConfigurationContext;
import org.apache.nifi.authentication.LoginIdentityProviderInitializationContext;
import org.apache.nifi.authentication.exception.InvalidLoginCredentialsException;

/** One user from login-identity-providers.xml, in place of NiFi's single-user provider. */
public class OneUserProvider implements LoginIdentityProvider {
    private String username;
    private String password;
    private long tokenMillis;

    @Override
    public void initialize(LoginIdentityProviderInitializationContext context) {
    }

    @Override
    public void onConfigured(LoginIdentityProviderConfigurationContext context) {
        username = context.getProperty("Username");
        password = context.getProperty("Password");
        tokenMillis = TimeUnit.SECONDS.toMillis(Long.parseLong(context.getProperty("Token Seconds")));
    }

    @Override
    public AuthenticationResponse authenticate(LoginCredentials credentials) {
        if (username.equals(credentials.getUsername()) && password.equals(credentials.getPassword())) {
            return new AuthenticationResponse(username, username, tokenMillis, "OneUserProvider");
        }
        throw new InvalidLoginCredentialsException("The supplied username and password are not valid");
    }

    @Override
    public void preDestruction() {
    }
}
