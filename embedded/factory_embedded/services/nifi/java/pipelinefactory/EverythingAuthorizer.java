package pipelinefactory;

import org.apache.nifi.authorization.AuthorizationRequest;
import org.apache.nifi.authorization.AuthorizationResult;
import org.apache.nifi.authorization.Authorizer;
import org.apache.nifi.authorization.AuthorizerConfigurationContext;
import org.apache.nifi.authorization.AuthorizerInitializationContext;

/** Whoever is logged in may do everything, as with NiFi's single-user authorizer. */
public class EverythingAuthorizer implements Authorizer {
    @Override
    public AuthorizationResult authorize(AuthorizationRequest request) {
        return AuthorizationResult.approved();
    }

    @Override
    public void initialize(AuthorizerInitializationContext context) {
    }

    @Override
    public void onConfigured(AuthorizerConfigurationContext context) {
    }

    @Override
    public void preDestruction() {
    }
}
