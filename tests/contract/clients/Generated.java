package javax.annotation;

/** The one annotation that generated Java needs besides the libraries that openapi-generator's own jar holds. */
public @interface Generated {
    String[] value();

    String comments() default "";

    String date() default "";
}
